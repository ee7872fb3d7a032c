/** The state that the gate reads belongs to the prompt: a pass over the prompt alone gives the same one. */
import t from 'tap'
import { StateSession } from '../../../src/engine/session.js'
import { tinyBundle } from '../../support/bundles.js'
import { expectedCases } from '../../support/checkpoints.js'

for (const precision of ['fp32', 'int8'] as const) {
  t.test(`${precision}: the state at the gate position is that of the prompt by itself`, async (t) => {
    const folder = await tinyBundle(t, 'biases', precision)
    const session = await StateSession.open({ folder, provider: 'cpu', threads: 1, exactTokens: [] })
    for (const { input_ids, gate_index } of expectedCases('biases')) {
      const ids = Int32Array.from(input_ids)
      const whole = await session.run([{ ids, gateIndex: gate_index }])
      const prompt = ids.subarray(0, gate_index + 1)
      const alone = await session.run([{ ids: prompt, gateIndex: gate_index }])
      t.same(alone.promptStates, whole.promptStates, 'bit for bit')
      if (prompt.length < ids.length) t.notSame(alone.responseStates, whole.responseStates)
    }
  })
}
