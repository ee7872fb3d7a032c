import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { Reloader } from '../../src/cli/reloader.js'
import { ArmormError } from '../../src/errors.js'
import { Holders } from '../../src/http/holders.js'
import { createLogger } from '../../src/http/logger.js'
import { manifest } from '../http/helpers.js'

/** A model of which a test decides when it has loaded, and who holds it. */
class Model {
  readonly holders = new Holders()
  readonly manifest
  ended = 0

  constructor(revision: string) {
    this.manifest = { ...manifest, model: { ...manifest.model, revision } }
  }

  async retire(): Promise<void> {
    await this.holders.gone()
    await this.close()
  }

  async close(): Promise<void> {
    this.ended += 1
  }
}

function make() {
  const [old, next] = [new Model('old'), new Model('next')]
  const slot = { current: old }
  const outcomes: string[] = []
  let finish = (_result: Model | Error) => {}
  const reloader = new Reloader<Model>({
    slot,
    load: () =>
      new Promise((resolve, reject) => {
        finish = (result) => (result instanceof Error ? reject(result) : resolve(result))
      }),
    logger: createLogger('silent'),
    onEnd: (outcome) => outcomes.push('error' in outcome ? outcome.error : outcome.model.manifest.model.revision)
  })
  return { old, next, slot, outcomes, reloader, finish: (result: Model | Error) => finish(result) }
}

t.test('one reload at a time, until the model before has ended', async (t) => {
  const { old, next, slot, outcomes, reloader, finish } = make()
  const release = old.holders.hold()
  const reloaded = reloader.reload()
  await t.rejects(reloader.reload(), { code: 'reload_running', message: /under way/ })
  t.equal(slot.current, old)
  finish(next)
  t.match(await reloaded, { previous: old.manifest, current: next.manifest })
  t.equal(slot.current, next)
  await turn()
  t.equal(old.ended, 0, 'a request holds it')
  await t.rejects(reloader.reload(), { code: 'reload_running', message: /the model before/ })
  release()
  await turn()
  t.equal(old.ended, 1)
  t.strictSame(outcomes, ['next'])
  const again = reloader.reload()
  finish(old)
  await again
  t.equal(slot.current, old)
})

t.test('what fails is told, changes nothing, and may be tried again', async (t) => {
  const { old, next, slot, outcomes, reloader, finish } = make()
  const failed = reloader.reload()
  finish(new ArmormError('self_test_failed', 'case 0', { case: 0 }))
  await t.rejects(failed, { code: 'reload_failed', details: { reason: 'self_test_failed', case: 0 } })
  t.equal(slot.current, old)
  t.equal(old.ended, 0)
  const odd = reloader.reload()
  finish(new Error('no memory'))
  await t.rejects(odd, { code: 'reload_failed', message: /no memory/, details: { reason: 'internal' } })
  const reloaded = reloader.reload()
  finish(next)
  await reloaded
  t.strictSame(outcomes, ['self_test_failed', 'internal', 'next'])
})

t.test('a stop does not wait for a model that loads, and that one is ended', async (t) => {
  const { old, next, slot, reloader, finish } = make()
  const reloaded = t.rejects(reloader.reload(), { code: 'shutting_down' })
  reloader.stop()
  await reloaded
  await t.rejects(reloader.reload(), { code: 'shutting_down' })
  finish(next)
  await turn()
  t.equal(next.ended, 1)
  t.equal(slot.current, old)
})

t.test('what is held by several is gone when the last lets go, and letting go twice counts once', async (t) => {
  const holders = new Holders()
  await holders.gone()
  const [first, second] = [holders.hold(), holders.hold()]
  let gone = false
  const waiting = holders.gone().then(() => (gone = true))
  first()
  first()
  await turn()
  t.equal(gone, false)
  second()
  await waiting
  await holders.gone()
})
