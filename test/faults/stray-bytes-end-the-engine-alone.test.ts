/** Bytes that native code writes into the engine's channel end the engine, like any fault of its own, and nothing else. */
import t, { type Test } from 'tap'
import type { EngineEvent } from '../../src/engine/supervisor.js'
import { engineOver, SCRIPTED_ENGINE, sequence } from '../support/engines.js'
import { until } from '../support/until.js'

const STRAY = 22
const STRAY_BEHIND_ANSWER = 23

function scripted(t: Test, loads: readonly string[] = []) {
  const events: EngineEvent[] = []
  const onEvent = (event: EngineEvent) => void events.push(event)
  const folder = t.testdir({ 'loads.json': JSON.stringify(loads), log: '' })
  const engine = engineOver(t, folder, { program: SCRIPTED_ENGINE, objectives: 1, runTimeoutMs: 500, onEvent })
  const faults = () => events.flatMap((event) => (event.type === 'fault' ? [event] : []))
  return { engine, faults }
}

t.test('a byte, a line, the start of a message, bytes within one, bytes the wrong way', async (t) => {
  const { engine, faults } = scripted(t)
  await engine.load()
  // Each time two of them, which a conversation is blamed for, and the last one once.
  for (const refused of [true, true, false]) {
    const [guilty, innocent] = [engine.run([sequence([STRAY, 1])]), engine.run([sequence([0, 5])])]
    if (refused) await t.rejects(guilty, { code: 'engine_failed' })
    else t.equal((await guilty).score[0], STRAY + 1)
    t.equal((await innocent).score[0], 5)
  }
  // Those of the other pipe may be known only after the answer.
  await until(() => engine.health().restarts === 5)
  t.strictSame(
    faults().map(({ reason, message }) => [reason, message]),
    [
      ['channel', 'it wrote bytes that begin no message to its channel'],
      ['channel', 'it wrote bytes that begin no message to its channel'],
      // What comes behind the start is taken for the rest.
      ['channel', 'it wrote a message with bytes in it to its channel'],
      ['channel', 'it wrote a message with bytes in it to its channel'],
      ['channel', 'it wrote bytes the wrong way to its channel']
    ]
  )
  t.equal((await engine.run([sequence([0, 7])])).score[0], 7)
})

t.test('behind an answer: the answer counts, and what comes next goes to a new process', async (t) => {
  const { engine, faults } = scripted(t)
  await engine.load()
  const [first, second] = await Promise.all([
    engine.run([sequence([STRAY_BEHIND_ANSWER, 1])]),
    engine.run([sequence([0, 7])])
  ])
  t.equal(first.score[0], STRAY_BEHIND_ANSWER + 1)
  t.equal(second.score[0], 7)
  await until(() => faults().length === 1 && engine.health().state === 'ready')
  t.match(faults(), [{ reason: 'channel' }])
})

t.test('while it loads: at the start an error that says so, later another try', async (t) => {
  const first = scripted(t, ['write stray bytes'])
  await t.rejects(first.engine.load(), { code: 'engine_failed', message: /it wrote bytes that begin no message/ })
  const later = scripted(t, ['ok', 'write stray bytes'])
  await later.engine.load()
  process.kill(later.engine.pid!, 'SIGKILL')
  await until(() => later.engine.health().restarts === 1)
  t.match(later.faults(), [{ reason: 'signal' }, { reason: 'channel' }])
  t.equal((await later.engine.run([sequence([0, 7])])).score[0], 7)
})
