import t, { type Test } from 'tap'
import { SafetensorsReader } from '../../src/checkpoint/safetensors.js'
import { resultDefect, stateForm } from '../../src/engine/protocol.js'
import { StateEngine } from '../../src/engine/supervisor.js'
import { tinyBundle } from '../support/bundles.js'
import { checkpointFolder, expectedCases, worstDifference } from '../support/checkpoints.js'
import { sequence } from '../support/engines.js'
import { until } from '../support/until.js'

const HIDDEN = 32

async function engineOf(t: Test) {
  const folder = await tinyBundle(t, 'armorm-tiny')
  const engine = new StateEngine({ folder, provider: 'cpu', threads: 1, backoffMs: 1, exactTokens: [], hidden: HIDDEN })
  t.teardown(() => engine.close())
  await engine.load()
  return engine
}

t.test("PyTorch's ratings follow from the states by the checkpoint's regression layer", async (t) => {
  const engine = await engineOf(t)
  const cases = expectedCases('armorm-tiny')
  const reader = await SafetensorsReader.open(checkpointFolder('armorm-tiny'))
  t.teardown(() => reader.close())
  const weight = await reader.readAll('regression_layer.weight')
  const batch = cases.map(({ input_ids, gate_index }) => sequence(input_ids, gate_index))
  const { responseStates, promptStates } = await engine.run(batch)
  t.equal(responseStates.length, cases.length * HIDDEN)
  for (const [row, { rewards, input_ids, gate_index }] of cases.entries()) {
    const state = responseStates.subarray(row * HIDDEN, (row + 1) * HIDDEN)
    const ratings = rewards.map((_, k) => state.reduce((sum, value, i) => sum + value * weight[k * HIDDEN + i]!, 0))
    t.ok(worstDifference(ratings, rewards) < 1e-4, `case ${row}`)
    // The state at the gate depends on what is before it alone: it is the last one of the prompt by itself.
    const prompt = await engine.run([sequence(input_ids.slice(0, gate_index + 1))])
    const atGate = promptStates.subarray(row * HIDDEN, (row + 1) * HIDDEN)
    t.ok(worstDifference(atGate, prompt.responseStates) < 1e-5, `gate of case ${row}`)
  }
})

t.test('states survive the end of the engine process', async (t) => {
  const engine = await engineOf(t)
  const before = await engine.run([sequence([1, 2, 3], 1)])
  process.kill(engine.pid!, 'SIGKILL')
  await until(() => engine.health().restarts === 1)
  t.strictSame((await engine.run([sequence([1, 2, 3], 1)])).responseStates, before.responseStates)
})

t.test('a sequence that the engine cannot run is refused, its neighbours are answered', async (t) => {
  const engine = await engineOf(t)
  const { responseStates, refused } = await engine.run([sequence([1, 2]), sequence([1], 7), sequence([3])])
  t.strictSame([...refused!.keys()], [1])
  t.match(refused!.get(1), { code: 'engine_failed', message: /gate position/ })
  t.ok(responseStates.subarray(0, HIDDEN).every(Number.isFinite))
  t.ok(responseStates.subarray(HIDDEN, 2 * HIDDEN).every(Number.isNaN))
  t.ok(responseStates.subarray(2 * HIDDEN).every(Number.isFinite))
})

t.test('replies that are no states', async (t) => {
  const states = Float32Array.of(1, 2, 3, 4)
  t.equal(resultDefect({ responseStates: states, promptStates: states }, 2, stateForm(2)), null)
  const wrong = resultDefect({ responseStates: states, promptStates: states.subarray(1) }, 2, stateForm(2))
  t.match(wrong, { kind: 'malformed', message: /promptStates has 3 values, not 4/ })
  t.match(resultDefect({ ratings: states }, 2, stateForm(2)), { kind: 'malformed', message: /responseStates/ })
})
