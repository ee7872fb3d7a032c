import t from 'tap'
import { seeded } from '../../src/random.js'
import { MatrixProducts } from '../../src/train/matrix-products.js'
import { normal, plainProduct } from '../heads/matrices.js'

/** The largest difference of two lists of the same length. */
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce(
    (most, value, i) => Math.max(most, Math.abs(value - b[i]!)),
    a.length === b.length ? 0 : Infinity
  )

t.test('sums of products, in one block and in several', async (t) => {
  const random = seeded(1)
  for (const hidden of [3, 600]) {
    const products = await MatrixProducts.open(hidden)
    const gram = new Float64Array(hidden * hidden)
    const targets = [new Float64Array(hidden), new Float64Array(hidden)]
    const wanted = new Float64Array(hidden * hidden)
    const wantedTargets = [new Float64Array(hidden), new Float64Array(hidden)]
    for (const rows of [5, 2]) {
      const states = Float32Array.from({ length: rows * hidden }, () => normal(random))
      const labels = Float32Array.from({ length: rows * 2 }, random)
      await products.accumulate(states, labels, gram, targets)
      for (let row = 0; row < rows; row++) {
        const state = states.subarray(row * hidden, (row + 1) * hidden)
        for (let i = 0; i < hidden; i++) {
          wantedTargets.forEach((target, at) => (target[i]! += state[i]! * labels[row * 2 + at]!))
          for (let j = 0; j <= i; j++) wanted[i * hidden + j]! += state[i]! * state[j]!
        }
      }
    }
    t.ok(difference(gram, wanted) < 1e-12)
    targets.forEach((target, at) => t.ok(difference(target, wantedTargets[at]!) < 1e-12))
    await products.close()
  }
})

t.test('products and ratings are computed in float64', async (t) => {
  const random = seeded(2)
  const products = await MatrixProducts.open(40)
  t.teardown(() => products.close())
  const a = { rows: 3, columns: 40, values: Float64Array.from({ length: 120 }, () => normal(random)) }
  const b = { rows: 4, columns: 40, values: Float64Array.from({ length: 160 }, () => normal(random)) }
  t.ok(difference(await products.product(a, b), await plainProduct(a, b)) < 1e-13)
  const states = Float32Array.from(a.values)
  const widened = { ...a, values: Float64Array.from(states) }
  t.ok(difference(await products.ratings(states, b.values), await plainProduct(widened, b)) < 1e-13)
})
