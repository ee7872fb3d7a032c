import fc from 'fast-check'
import t from 'tap'
import {
  factorUpper,
  inputFactor,
  invertUpper,
  type Levels8,
  roundGptq,
  roundNearest
} from '../../../src/export/quantize/gptq.js'
import { seeded } from '../../../src/random.js'

/** Rows `[count, inputs]` whose inputs go together: few causes, a little noise. */
function correlatedRows(seed: number, count: number, inputs: number): Float64Array {
  const uniform = seeded(seed)
  const causes = 1 + (seed % 3)
  const loadings = Float64Array.from({ length: causes * inputs }, () => uniform() - 0.5)
  const rows = new Float64Array(count * inputs)
  for (let row = 0; row < count; row++) {
    for (let cause = 0; cause < causes; cause++) {
      const strength = uniform() - 0.5
      for (let i = 0; i < inputs; i++) rows[row * inputs + i]! += strength * loadings[cause * inputs + i]!
    }
    for (let i = 0; i < inputs; i++) rows[row * inputs + i]! += 0.02 * (uniform() - 0.5)
  }
  return rows
}

function secondMoments(rows: Float64Array, inputs: number): Float64Array {
  const result = new Float64Array(inputs * inputs)
  for (let at = 0; at < rows.length; at += inputs) {
    for (let i = 0; i < inputs; i++) {
      for (let j = 0; j < inputs; j++) result[i * inputs + j]! += (rows[at + i]! * rows[at + j]! * inputs) / rows.length
    }
  }
  return result
}

/** Sum of squares of X (W - Wq). */
function productError(rows: Float64Array, weights: Float64Array, { levels, scales }: Levels8): number {
  const outputs = scales.length
  const inputs = weights.length / outputs
  let total = 0
  for (let at = 0; at < rows.length; at += inputs) {
    for (let output = 0; output < outputs; output++) {
      let sum = 0
      for (let i = 0; i < inputs; i++) {
        const index = i * outputs + output
        sum += rows[at + i]! * (weights[index]! - levels[index]! * scales[output]!)
      }
      total += sum * sum
    }
  }
  return total
}

t.test('a factor times its transpose gives the matrix back, and its inverse is one', async (t) => {
  const size = 20
  const matrix = secondMoments(correlatedRows(5, 60, size), size)
  for (let i = 0; i < size; i++) matrix[i * size + i]! += 0.01
  const upper = matrix.slice()
  factorUpper(upper, size)
  const inverse = upper.slice()
  invertUpper(inverse, size)
  const entry = (m: Float64Array, i: number, j: number): number => m[i * size + j]!
  let worst = 0
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let [product, identity] = [0, 0]
      for (let k = 0; k < size; k++) {
        product += entry(upper, i, k) * entry(upper, j, k)
        identity += entry(upper, i, k) * entry(inverse, k, j)
      }
      worst = Math.max(worst, Math.abs(product - entry(matrix, i, j)), Math.abs(identity - (i === j ? 1 : 0)))
      if (j < i) t.equal(entry(upper, i, j), 0)
    }
  }
  t.ok(worst < 1e-10, `${worst}`)
})

t.test('products come out nearer than with every weight rounded by itself; no level beyond 127', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 3, max: 150 }), (seed, inputs) => {
      const outputs = 5
      const rows = correlatedRows(seed, 80, inputs)
      const uniform = seeded(seed + 1)
      const weights = Float64Array.from({ length: inputs * outputs }, () => uniform() - 0.5)
      const plain = roundNearest(weights, outputs)
      const better = roundGptq(weights.slice(), outputs, inputFactor(secondMoments(rows, inputs)))
      const inRange = [...better.levels, ...plain.levels].every((level) => Math.abs(level) <= 127)
      const [a, b] = [productError(rows, weights, better), productError(rows, weights, plain)]
      // With few inputs there is little to hand on to.
      return inRange && (inputs < 20 ? a <= b * 1.5 : a < b / 2)
    }),
    { numRuns: 25, seed: 7 }
  )
})

t.test('inputs that do not go together are rounded each by itself', async (t) => {
  const [inputs, outputs] = [70, 3]
  const covariance = new Float64Array(inputs * inputs)
  for (let i = 0; i < inputs; i++) covariance[i * inputs + i] = 1 + (i % 5)
  const weights = Float64Array.from({ length: inputs * outputs }, (_, i) => Math.sin(i))
  t.strictSame(roundGptq(weights.slice(), outputs, inputFactor(covariance)), roundNearest(weights, outputs))
})

t.test('outputs and inputs of zeros stay zeros', async (t) => {
  const [inputs, outputs] = [4, 2]
  const weights = Float64Array.of(0, 1, 0, 0.5, 0, -1, 0, 0.25)
  const { levels, scales } = roundGptq(weights, outputs, inputFactor(new Float64Array(inputs * inputs)))
  t.strictSame([...levels], [0, 127, 0, 64, 0, -127, 0, 32])
  t.strictSame([...scales], [0, Math.fround(1 / 127)])
})
