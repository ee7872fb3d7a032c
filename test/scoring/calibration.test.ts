import fc from 'fast-check'
import t from 'tap'
import { PERCENTILES } from '../../src/bundle/reference.js'
import { Calibration, share } from '../../src/scoring/calibration.js'
import { manifest } from '../http/helpers.js'
import { referenceOf, uniform } from '../support/references.js'

const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 })

t.test('with a reference, the share of it that lies below', async (t) => {
  const calibration = new Calibration(referenceOf(manifest))
  for (const [score, expected] of [
    [-100, 0],
    [-2, 0],
    [-1, 0.25],
    [0.02, 0.505],
    [2, 1],
    [1e38, 1]
  ] as const) {
    t.ok(Math.abs(calibration.score(score) - expected) < 1e-9, `${score}`)
  }
  t.equal(calibration.rating(1, 0.25), 0.25)
})

t.test('without one, the logistic function', async (t) => {
  const calibration = new Calibration(null)
  t.equal(calibration.score(0), 0.5)
  t.equal(calibration.rating(2, 1), 1 / (1 + Math.exp(-1)))
  t.strictSame([calibration.score(1e38), calibration.score(-1e38)], [1, 0])
})

t.test('values that are shared by percentiles have the middle of theirs', async (t) => {
  t.equal(share(uniform(3, 3), 3), 0.5)
  t.strictSame([share(uniform(3, 3), 2.9), share(uniform(3, 3), 3.1)], [0, 1])
})

t.test('it never falls and never leaves 0..1', async () => {
  const percentiles = fc
    .array(finite, { minLength: PERCENTILES, maxLength: PERCENTILES })
    .map((values) => values.sort((a, b) => a - b))
  fc.assert(
    fc.property(percentiles, finite, finite, (percentiles, a, b) => {
      const reference = { mean: 0, standard_deviation: 0, percentiles }
      for (const [low, high] of [
        [Math.min(a, b), Math.max(a, b)],
        [percentiles[3]!, percentiles[90]!]
      ] as const) {
        const [below, above] = [share(reference, low), share(reference, high)]
        if (!(below >= 0 && below <= above && above <= 1)) return false
      }
      return true
    })
  )
})
