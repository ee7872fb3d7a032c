import fc from 'fast-check'
import t from 'tap'
import {
  bradleyTerryLoss,
  fitNonNegative,
  lossAndGradient,
  margins,
  type Pairs
} from '../../src/heads/bradley-terry.js'
import { minimize } from '../../src/heads/lbfgs.js'
import { seeded } from '../../src/random.js'

/** Pairs whose order follows `truth`, with the noise of a Bradley-Terry model. */
function sampled(truth: readonly number[], rows: number, seed: number): Pairs {
  const random = seeded(seed)
  const features = truth.length
  const differences = new Float64Array(rows * features)
  for (let row = 0; row < rows; row++) {
    const x = truth.map(() => 2 * random() - 1)
    const margin = x.reduce((sum, value, i) => sum + value * truth[i]!, 0)
    const sign = random() < 1 / (1 + Math.exp(-margin)) ? 1 : -1
    x.forEach((value, i) => (differences[row * features + i] = sign * value))
  }
  return { differences, features }
}

const fit = (pairs: Pairs, l2: number) =>
  minimize((w) => lossAndGradient(pairs, w, l2), new Float64Array(pairs.features), {
    tolerance: 1e-9,
    maxIterations: 500
  })

t.test('the gradient is the slope of the loss', async (t) => {
  const pairs = { ...sampled([1, -2, 0.5], 40, 1), weights: Float64Array.from({ length: 40 }, (_, i) => (i + 1) / 820) }
  const w = Float64Array.of(0.3, -0.2, 0.9)
  const { loss, gradient } = lossAndGradient(pairs, w, 0.1)
  t.ok(loss > bradleyTerryLoss(margins(pairs, w), pairs.weights), 'the penalty counts')
  for (let i = 0; i < 3; i++) {
    const at = (step: number) =>
      lossAndGradient(
        pairs,
        w.map((value, j) => value + (i === j ? step : 0)),
        0.1
      ).loss
    t.ok(Math.abs((at(1e-5) - at(-1e-5)) / 2e-5 - gradient[i]!) < 1e-9)
  }
})

t.test('a part of the rows is as a copy of them', async (t) => {
  const truth = [1, -2, 0.5, 0, 3, -1, 0.2]
  const all = sampled(truth, 30, 4)
  const rows = Int32Array.of(29, 3, 4, 11, 0)
  const copy = {
    features: 7,
    differences: Float64Array.from([...rows].flatMap((row) => [...all.differences.subarray(7 * row, 7 * row + 7)]))
  }
  const w = Float64Array.from(truth, (value) => value / 3)
  t.strictSame(margins({ ...all, rows }, w), margins(copy, w))
  const plain = [...rows].map((row) => truth.reduce((sum, _, i) => sum + all.differences[7 * row + i]! * w[i]!, 0))
  margins(copy, w).forEach((margin, i) => t.ok(Math.abs(margin - plain[i]!) < 1e-12))
  t.strictSame(lossAndGradient({ ...all, rows }, w, 0.1), lossAndGradient(copy, w, 0.1))
  t.strictSame(fitNonNegative({ ...all, rows }, 0.1), fitNonNegative(copy, 0.1))
})

t.test('a loss neither overflows nor vanishes', async (t) => {
  t.equal(bradleyTerryLoss(Float64Array.of(-1e6)), 1e6)
  t.equal(bradleyTerryLoss(Float64Array.of(1e6)), 0)
  t.equal(bradleyTerryLoss(Float64Array.of(0)), Math.LN2)
})

t.test('L-BFGS finds planted weights', async (t) => {
  const truth = [3, -1, 0, 2]
  const { x, converged } = await fit(sampled(truth, 40_000, 2), 1e-9)
  t.ok(converged)
  for (const [i, value] of truth.entries()) t.ok(Math.abs(x[i]! - value) < 0.1, `${x[i]} for ${value}`)
})

t.test('L-BFGS ends where rounding leaves nothing to gain, and says so', async (t) => {
  const pairs = sampled([1, 1], 100, 3)
  const { converged, loss } = await minimize((w) => lossAndGradient(pairs, w, 0.1), new Float64Array(2), {
    tolerance: 0,
    maxIterations: 1000
  })
  t.notOk(converged)
  t.ok(Math.abs(loss - (await fit(pairs, 0.1)).loss) < 1e-12)
})

t.test('non-negative weights meet the conditions of the best answer', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 1000 }),
      (truth, seed) => {
        const base = sampled(truth, 60, seed)
        // A column twice, and one that is nearly a column: ratings are that alike.
        const features = truth.length + 2
        const differences = new Float64Array(60 * features)
        for (let row = 0; row < 60; row++) {
          const x = base.differences.subarray(row * truth.length, (row + 1) * truth.length)
          differences.set([...x, x[0]!, x[0]! + 0.01 * Math.sin(row)], row * features)
        }
        const pairs = { differences, features }
        const w = fitNonNegative(pairs, 1e-3)
        const { gradient } = lossAndGradient(pairs, w, 1e-3)
        return w.every((value, i) => value >= 0 && (value > 0 ? Math.abs(gradient[i]!) < 1e-7 : gradient[i]! > -1e-7))
      }
    ),
    { numRuns: 60 }
  )
})

t.test('where no weight wants to be negative both fits agree', async (t) => {
  const pairs = sampled([2, 1, 3], 3000, 5)
  const free = (await fit(pairs, 1e-3)).x
  const held = fitNonNegative(pairs, 1e-3)
  for (let i = 0; i < 3; i++) t.ok(Math.abs(free[i]! - held[i]!) < 1e-7)
})
