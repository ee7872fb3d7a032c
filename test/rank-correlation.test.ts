import t from 'tap'
import { ranks, spearman } from '../src/rank-correlation.js'

t.test('equal values share the mean of their ranks', async (t) => {
  t.same(ranks([30, 10, 20, 10]), [4, 1.5, 3, 1.5])
  t.same(ranks([]), [])
})

t.test("Spearman's rank correlation", async (t) => {
  t.equal(spearman([1, 2, 3], [10, 20, 30]), 1)
  t.equal(spearman([1, 2, 3], [3, 2, 1]), -1)
  // By hand: ranks 1 2 3 4 against 2 1 4 3 give 1 - 6 * 4 / (4 * 15).
  t.ok(Math.abs(spearman([1, 2, 3, 4], [5, 4, 9, 8]) - 0.6) < 1e-12)
})
