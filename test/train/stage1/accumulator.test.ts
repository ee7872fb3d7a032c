import t from 'tap'
import { planGrams, RidgeSums } from '../../../src/heads/ridge.js'
import { seeded } from '../../../src/random.js'
import { MatrixProducts } from '../../../src/train/matrix-products.js'
import { RowAccumulator } from '../../../src/train/stage1/accumulator.js'
import { addRow, normal } from '../../heads/matrices.js'

t.test('rows of several patterns add up, chunk after chunk', async (t) => {
  const random = seeded(1)
  const products = await MatrixProducts.open(2)
  t.teardown(() => products.close())
  const plan = planGrams([[0], [0, 1]])
  const [sums, wanted] = [new RidgeSums(plan, 2, 2), new RidgeSums(plan, 2, 2)]
  const accumulator = new RowAccumulator(sums, products)
  // More rows than a chunk has, thrice over in one pattern.
  for (let i = 0; i < 4000; i++) {
    const state = Float32Array.of(normal(random), normal(random))
    const labels = Float32Array.of(random(), i % 5 === 0 ? random() : NaN)
    await accumulator.add(state, labels)
    addRow(wanted, [...state], [...labels])
    if (i === 3500) await accumulator.finish()
  }
  await accumulator.add(Float32Array.of(9, 9), Float32Array.of(NaN, NaN))
  await accumulator.finish()
  const close = (a: Float64Array, b: Float64Array) => a.every((value, i) => Math.abs(value - b[i]!) < 1e-9)
  sums.grams.forEach((gram, i) => {
    const [a, , c, d] = gram
    t.ok(
      close(
        Float64Array.of(a!, c!, d!),
        Float64Array.from([0, 2, 3], (at) => wanted.grams[i]![at]!)
      )
    )
  })
  sums.targets.forEach((target, i) => t.ok(close(target, wanted.targets[i]!)))
  t.ok(close(sums.squares, wanted.squares))
  t.strictSame([...sums.rows], [4000, 800])
})
