import t from 'tap'
import { fidelity } from '../../src/evaluate/fidelity.js'

t.test('figures over groups', async (t) => {
  const same = { reference: [0.1, 0.5, 0.9], other: [0.1, 0.5, 0.9] }
  t.same(fidelity([same]), {
    groups: 1,
    conversations: 3,
    spearman: 1,
    flips: 0,
    relativeError: 0,
    largestDifference: 0
  })
  const swapped = { reference: [1, 2, 3], other: [2, 1, 3] }
  const found = fidelity([same, swapped])
  t.equal(found.conversations, 6)
  t.equal(found.spearman, 0.75)
  t.equal(found.flips, 1 / 6)
  // Second group: errors 1, 1, 0 over a standard deviation of sqrt(2/3): 1.
  t.ok(Math.abs(found.relativeError - 0.5) < 1e-12)
  t.equal(found.largestDifference, 1)
})

t.test('scores that have become all the same keep nothing of an order', async (t) => {
  const { spearman, flips } = fidelity([{ reference: [1, 2, 3], other: [2, 2, 2] }])
  t.strictSame([spearman, flips], [0, 0])
})
