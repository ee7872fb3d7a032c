import t from 'tap'
import { ReferenceModel } from '../../src/reference/model.js'
import { CHECKPOINTS, checkpointFolder, expectedCases, worstDifference } from '../support/checkpoints.js'

/** Float32 rounding of the expected outputs themselves; the reference computes in float64. */
const TOLERANCE = 3e-5

for (const name of CHECKPOINTS) {
  t.test(`${name} answers as PyTorch does`, async (t) => {
    const model = await ReferenceModel.open(checkpointFolder(name))
    t.teardown(() => model.close())
    for (const expected of expectedCases(name)) {
      const what = `${expected.input_ids.length} tokens, gate at ${expected.gate_index}`
      const reward = await model.forward(expected.input_ids, expected.gate_index)
      const worst = {
        ratings: worstDifference(reward.ratings, expected.rewards),
        gating: worstDifference(reward.gating, expected.gating_output),
        adjusted: worstDifference(reward.adjusted, expected.rewards_adjusted),
        score: worstDifference([reward.score], [expected.score])
      }
      for (const [output, difference] of Object.entries(worst)) {
        t.ok(difference <= TOLERANCE, `${output} of ${what}`, { difference })
      }
    }
  })
}

t.test('a token or a gate that does not exist is a range error', async (t) => {
  const model = await ReferenceModel.open(checkpointFolder('one-objective'))
  t.teardown(() => model.close())
  await t.rejects(model.forward([0, 128], 0), RangeError)
  await t.rejects(model.forward([0, 1], 2), RangeError)
  await t.rejects(model.forward([], 0), RangeError)
})

t.test('refuses what is no checkpoint', async (t) => {
  await t.rejects(ReferenceModel.open(t.testdir({})), { code: 'unsupported_checkpoint' })
})
