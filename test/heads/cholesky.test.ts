import t from 'tap'
import { factor, solveFactored } from '../../src/heads/cholesky.js'
import { seeded } from '../../src/random.js'
import { normal, plainProduct } from './matrices.js'

/** A positive definite matrix, and its product with a vector. */
function system(size: number, seed: number) {
  const random = seeded(seed)
  const factors = Float64Array.from({ length: size * 20 }, () => normal(random))
  const matrix = new Float64Array(size * size)
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      for (let k = 0; k < 20; k++) matrix[i * size + j]! += factors[i * 20 + k]! * factors[j * 20 + k]!
      if (i === j) matrix[i * size + j]! += 0.5
    }
  }
  const solution = Float64Array.from({ length: size }, () => normal(random))
  const vector = solution.map((_, i) => {
    return solution.reduce((sum, value, j) => sum + matrix[i * size + j]! * value, 0)
  })
  return { matrix, solution, vector }
}

t.test('solves systems of one block and of several', async (t) => {
  // 700 rows have several strips below a block.
  for (const size of [1, 7, 128, 129, 300, 700]) {
    const { matrix, solution, vector } = system(size, size)
    // Only the lower triangle is looked at.
    for (let i = 0; i < size; i++) matrix.fill(NaN, i * size + i + 1, (i + 1) * size)
    t.ok(await factor(matrix, size, plainProduct))
    solveFactored(matrix, size, vector)
    const worst = vector.reduce((most, value, i) => Math.max(most, Math.abs(value - solution[i]!)), 0)
    t.ok(worst < 1e-8, `size ${size}: ${worst}`)
  }
})

t.test('tells of a matrix that is not positive definite, wherever it shows', async (t) => {
  for (const bad of [0, 130, 299]) {
    const { matrix } = system(300, 1)
    matrix[bad * 300 + bad] = -1
    t.notOk(await factor(matrix, 300, plainProduct))
  }
  t.notOk(await factor(new Float64Array(4), 2, plainProduct))
  t.notOk(await factor(Float64Array.of(NaN), 1, plainProduct))
})
