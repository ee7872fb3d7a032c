import fc from 'fast-check'
import t from 'tap'
import type { Objective } from '../../src/bundle/manifest.js'
import { contributions, effectiveCoefficients, effectiveObjectives, explain } from '../../src/scoring/explanation.js'

const f32 = (max: number) => fc.float({ min: -max, max, noNaN: true })

/** Heads of up to 16 objectives with float32 arithmetic, as the model computes them. */
const heads = fc.integer({ min: 1, max: 16 }).chain((objectives) =>
  fc.record({
    ratings: fc.array(f32(4), { minLength: objectives, maxLength: objectives }),
    logits: fc.array(f32(8), { minLength: objectives, maxLength: objectives }),
    transform: fc.array(fc.array(f32(2), { minLength: objectives, maxLength: objectives }), {
      minLength: objectives,
      maxLength: objectives
    }),
    logitScale: fc.double({ min: 0.01, max: 30, noNaN: true })
  })
)

interface Head {
  ratings: number[]
  logits: number[]
  transform: number[][]
  logitScale: number
}

const fsum = (values: Iterable<number>) => {
  let sum = 0
  for (const value of values) sum = Math.fround(sum + value)
  return sum
}

function run({ ratings, logits, transform, logitScale }: Head) {
  const exps = logits.map(Math.exp)
  const total = exps.reduce((sum, value) => sum + value, 0)
  const gating = Float32Array.from(exps, (value) => (value / total) * logitScale)
  const adjusted = Float32Array.from(ratings, (_, j) =>
    ratings.reduce((sum, rating, i) => sum + rating * (transform[i]?.[j] ?? 0), 0)
  )
  const score = fsum(gating.map((weight, j) => weight * (adjusted[j] ?? 0)))
  return { ratings: Float32Array.from(ratings), gating, adjusted, score }
}

const named = (count: number): Objective[] =>
  Array.from({ length: count }, (_, j) => ({ name: `objective_${j}`, source_set: null, native_scale: null }))

const magnitudes = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + Math.abs(value), 0)

t.test('contributions sum to the score that float32 heads give', async () => {
  fc.assert(
    fc.property(heads, (head) => {
      const { gating, adjusted, score } = run(head)
      const parts = contributions(gating, adjusted)
      const sum = parts.reduce((total, part) => total + part, 0)
      return Math.abs(sum - score) <= 1e-6 * Math.max(1, magnitudes(parts))
    })
  )
})

t.test('effective coefficients times raw ratings give the score too', async () => {
  fc.assert(
    fc.property(heads, (head) => {
      const values = run(head)
      const coefficients = effectiveCoefficients(values.gating, head.transform)
      const sum = coefficients.reduce((total, coefficient, i) => total + coefficient * (values.ratings[i] ?? 0), 0)
      // Here adjusted ratings were rounded to float32 in between.
      const scale = head.transform.flatMap((row, i) =>
        row.map((v, j) => v * (values.gating[j] ?? 0) * (head.ratings[i] ?? 0))
      )
      return Math.abs(sum - values.score) <= 2e-6 * Math.max(1, magnitudes(scale))
    })
  )
})

t.test('a gate that favours nobody counts all objectives and has the uniform score', async (t) => {
  fc.assert(
    fc.property(heads, (head) => {
      const values = run({ ...head, logits: head.logits.map(() => 0) })
      const objectives = named(head.ratings.length)
      const explained = explain({ objectives, transform: head.transform, logitScale: head.logitScale }, values)
      const tolerance = 1e-6 * Math.max(1, magnitudes(values.adjusted) * head.logitScale)
      return (
        Math.abs(explained.effectiveObjectives - objectives.length) < 1e-4 * objectives.length &&
        Math.abs(explained.uniformScore - values.score) <= tolerance
      )
    })
  )
  t.equal(effectiveObjectives(Float32Array.of(0, 3, 0)), 1)
  t.equal(effectiveObjectives(Float32Array.of(-2, -2)), 2, 'the sign of the scale does not matter')
  t.equal(effectiveObjectives(Float32Array.of(0, 0)), 0)
  t.ok(
    Math.abs(effectiveObjectives(Float32Array.of(3, 1)) - Math.exp(-0.75 * Math.log(0.75) - 0.25 * Math.log(0.25))) <
      1e-12
  )
})

t.test('an example by hand: verbosity is taken out of helpfulness', async (t) => {
  const objectives: Objective[] = [
    { name: 'helpfulness', source_set: 'helpsteer', native_scale: { multiplier: 5, offset: -0.5, low: 0, high: 4 } },
    { name: 'verbosity', source_set: 'helpsteer', native_scale: null }
  ]
  // Column j of the transform makes adjusted_j.
  const transform = [
    [1, 0],
    [-0.5, 1]
  ]
  const values = {
    ratings: Float32Array.of(0.75, 0.5),
    adjusted: Float32Array.of(0.5, 0.5),
    gating: Float32Array.of(1.5, 0.5),
    score: 1
  }
  const explained = explain({ objectives, transform, logitScale: 2 }, values)
  t.strictSame(explained.objectives, [
    {
      name: 'helpfulness',
      sourceSet: 'helpsteer',
      rating: 0.75,
      native: { value: 3.25, low: 0, high: 4 },
      removed: 0.25,
      adjusted: 0.5,
      gating: 1.5,
      contribution: 0.75,
      coefficient: 1.5
    },
    {
      name: 'verbosity',
      sourceSet: 'helpsteer',
      rating: 0.5,
      native: null,
      removed: 0,
      adjusted: 0.5,
      gating: 0.5,
      contribution: 0.25,
      coefficient: -0.25
    }
  ])
  t.equal(explained.uniformScore, 1)
  t.equal(explained.gatingSum, 2)
  t.strictSame(explained.top, [
    { name: 'helpfulness', contribution: 0.75, share: 0.75 },
    { name: 'verbosity', contribution: 0.25, share: 0.25 }
  ])
})
