/** Replies of the wrong form, NaN everywhere and answers that nobody asked for fail their run, and never the server. */
import t, { type Test } from 'tap'
import { isFromEngine, resultDefect, rewardForm } from '../../src/engine/protocol.js'
import type { EngineEvent } from '../../src/engine/supervisor.js'
import { engineOver, SCRIPTED_ENGINE, sequence } from '../support/engines.js'
import { outputsOf } from '../support/fake-process.js'

const TOO_LONG = 16
const BROKEN = 17
const ALL_NAN = 18
const BABBLE = 19

function scripted(t: Test) {
  const events: EngineEvent[] = []
  const onEvent = (event: EngineEvent) => void events.push(event)
  const engine = engineOver(t, t.testdir({ log: '' }), { program: SCRIPTED_ENGINE, objectives: 1, onEvent })
  const faults = () => events.flatMap((event) => (event.type === 'fault' ? [event.reason] : []))
  return { engine, faults }
}

t.test('the wrong length, the wrong kind: tried again, the innocent answered, the process kept', async (t) => {
  const { engine, faults } = scripted(t)
  await engine.load()
  const { pid } = engine
  for (const command of [TOO_LONG, BROKEN]) {
    const { score, refused } = await engine.run([sequence([0, 1]), sequence([command, 2])])
    t.equal(score[0], 1)
    t.match(refused!.get(1), { code: 'engine_failed', message: /^the engine failed on this conversation: its reply/ })
  }
  t.strictSame(faults(), new Array(6).fill('bad_reply'))
  t.equal(engine.pid, pid)
})

t.test('NaN everywhere fails a batch; of one conversation alone it is what the model says', async (t) => {
  const { engine, faults } = scripted(t)
  await engine.load()
  const { score, refused } = await engine.run([sequence([0, 1]), sequence([ALL_NAN, 2])])
  t.strictSame(score, Float32Array.of(1, NaN))
  t.equal(refused, undefined, 'its caller is told non_finite')
  t.strictSame(faults(), ['bad_reply', 'bad_reply'])
})

t.test('answers that nobody asked for, and what is no message, change nothing', async (t) => {
  const { engine, faults } = scripted(t)
  await engine.load()
  t.equal((await engine.run([sequence([BABBLE, 1])])).score[0], 20)
  t.equal((await engine.run([sequence([0, 2])])).score[0], 2)
  t.strictSame(faults(), new Array(9).fill('bad_reply'))
  t.equal(engine.health().restarts, 0)
})

t.test('what counts as a message', async (t) => {
  const good = [
    { type: 'loaded', capacity: null },
    { type: 'load_failed', error: {} },
    { type: 'result', run: 1 },
    { type: 'run_failed', run: 1, message: '' }
  ]
  for (const message of good) t.ok(isFromEngine(message))
  for (const message of [null, 1, 'loaded', { type: 'load' }, { type: 'run_failed', run: 1 }, { type: 'result' }]) {
    t.notOk(isFromEngine(message), JSON.stringify(message))
  }
})

t.test('what counts as outputs', async (t) => {
  const good = outputsOf([sequence([1]), sequence([2])])
  const four = Float32Array.of(1, 2, 3, 4)
  t.equal(resultDefect(good, 2, rewardForm(1)), null)
  t.equal(resultDefect({ ...good, score: Float32Array.of(NaN, 1) }, 2, rewardForm(1)), null, 'one NaN is not all')
  t.equal(resultDefect({ ratings: four, gating: four, adjusted: four, score: good.score }, 2, rewardForm()), null)
  for (const name of ['ratings', 'gating', 'adjusted', 'score']) {
    for (const values of [undefined, [1, 2], Float64Array.of(1, 2), Float32Array.of(1), four]) {
      t.match(resultDefect({ ...good, [name]: values }, 2, rewardForm(1)), {
        kind: 'malformed',
        message: new RegExp(name)
      })
    }
  }
  const nan = Float32Array.of(NaN, NaN)
  t.match(resultDefect({ ratings: nan, gating: nan, adjusted: nan, score: nan }, 2, rewardForm(1)), { kind: 'all_nan' })
})
