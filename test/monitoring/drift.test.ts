import t from 'tap'
import { distributionDistance } from '../../src/monitoring/drift.js'
import { uniform } from '../support/references.js'

const grid = (low: number, high: number, n = 1000) =>
  Array.from({ length: n }, (_, i) => low + ((high - low) * (i + 0.5)) / n)

t.test('the same distribution is near, another one as far as it is moved', async (t) => {
  t.ok(distributionDistance(grid(0, 1), uniform(0, 1)) < 0.002)
  for (const shift of [0.1, 0.35, -0.2]) {
    const distance = distributionDistance(grid(shift, 1 + shift), uniform(0, 1))
    t.ok(Math.abs(distance - Math.abs(shift)) < 0.002, `${shift}: ${distance}`)
  }
  t.equal(distributionDistance(grid(5, 6), uniform(0, 1)), 1)
  t.equal(distributionDistance(grid(-5, -4), uniform(0, 1)), 1)
})

t.test('narrower values with the same mean are far too', async (t) => {
  t.ok(Math.abs(distributionDistance(grid(0.4, 0.6), uniform(0, 1)) - 0.4) < 0.01)
})

t.test('a reference whose scores are all equal', async (t) => {
  const constant = { mean: 2, standard_deviation: 0, percentiles: Array<number>(101).fill(2) }
  t.equal(distributionDistance([2, 2, 2], constant), 0)
  t.equal(distributionDistance([3], constant), 1)
  t.equal(distributionDistance([1, 3], constant), 0.5)
})
