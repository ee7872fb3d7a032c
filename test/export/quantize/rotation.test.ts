import t from 'tap'
import { hadamardBlock, transformBlocks } from '../../../src/export/quantize/hadamard.js'
import { Rotation } from '../../../src/export/quantize/rotation.js'
import { seeded } from '../../../src/random.js'

/** Largest difference of M Mᵀ from the identity. */
function offIdentity(matrix: Float64Array, size: number): number {
  let worst = 0
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let sum = i === j ? -1 : 0
      for (let k = 0; k < size; k++) sum += matrix[i * size + k]! * matrix[j * size + k]!
      worst = Math.max(worst, Math.abs(sum))
    }
  }
  return worst
}

t.test('the rotation is orthogonal, whatever the size, and the same every time', async (t) => {
  for (const size of [1, 2, 7, 20, 30, 36, 48, 64, 96, 192, 320]) {
    const matrix = new Rotation(size).matrix()
    t.ok(offIdentity(matrix, size) < 1e-12, `${size}: ${offIdentity(matrix, size)}`)
    t.strictSame(new Rotation(size).matrix(), matrix)
  }
})

t.test('it spreads a single large value over all coordinates', async (t) => {
  const size = 192
  const row = new Float64Array(size)
  row[17] = 100
  new Rotation(size).rotateRows(row)
  const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  t.ok(largest < 15, `${largest}`)
})

t.test('rows are rotated one by one', async (t) => {
  const size = 12
  const uniform = seeded(3)
  const rows = Float64Array.from({ length: 3 * size }, uniform)
  const rotation = new Rotation(size)
  const matrix = rotation.matrix()
  const expected = Float64Array.from({ length: 3 * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size]
    let sum = 0
    for (let k = 0; k < size; k++) sum += rows[row * size + k]! * matrix[k * size + column]!
    return sum
  })
  rotation.rotateRows(rows)
  t.ok(rows.every((value, i) => Math.abs(value - expected[i]!) < 1e-12))
})

function identity(size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0))
}

t.test('Hadamard matrices: entries of one size, symmetric, their own inverse', async (t) => {
  for (const size of [1, 2, 4, 8, 64]) {
    const matrix = identity(size)
    transformBlocks(matrix, size)
    t.ok(matrix.every((value) => Math.abs(Math.abs(value) - 1 / Math.sqrt(size)) < 1e-12))
    t.ok(matrix.every((value, i) => value === matrix[(i % size) * size + Math.floor(i / size)]))
    t.ok(offIdentity(matrix, size) < 1e-12)
  }
  const values = Float64Array.from({ length: 24 }, (_, i) => Math.sin(i))
  const twice = values.slice()
  transformBlocks(twice, 8)
  t.ok(twice.some((value, i) => Math.abs(value - values[i]!) > 0.1))
  transformBlocks(twice, 8)
  t.ok(twice.every((value, i) => Math.abs(value - values[i]!) < 1e-12))
})

t.test('blocks are the largest power of two that fits', async (t) => {
  t.strictSame(
    [1, 2, 36, 37, 64, 96, 128, 1536].map((size) => hadamardBlock(size)),
    [1, 2, 4, 1, 64, 32, 64, 64]
  )
})
