import fc from 'fast-check'
import t from 'tap'
import { mean, quantile } from '../../src/heads/statistics.js'

t.test('mean', async (t) => {
  t.equal(mean([1, 2, 6]), 3)
  t.equal(mean(Float64Array.of(-1, 1)), 0)
  t.ok(Number.isNaN(mean([])))
})

t.test('quantiles lie straight between the two values nearest', async (t) => {
  t.equal(quantile([7], 0.3), 7)
  t.equal(quantile([0, 10], 0.25), 2.5)
  t.equal(quantile(Float32Array.of(1, 2, 4, 8, 16), 0.5), 4)
  t.equal(quantile([1, 2, 4, 8, 16], 0.9), 12.8)
  const values = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 })
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
      const sorted = Float64Array.from(list).sort()
      const found = quantile(sorted, share)
      t.ok(found >= sorted[0]! && found <= sorted.at(-1)!)
      t.equal(quantile(sorted, 0), sorted[0])
      t.equal(quantile(sorted, 1), sorted.at(-1))
    })
  )
})
