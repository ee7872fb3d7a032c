/** Plain linear algebra that the heads are held against. */
import type { ProductTransposed } from '../../src/heads/cholesky.js'
import type { RidgeSums } from '../../src/heads/ridge.js'
import { patternOf } from '../../src/heads/ridge.js'
import type { Random } from '../../src/random.js'

/** Roughly normal: the sum of twelve uniform numbers. */
export function normal(random: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random()
  return sum
}

export const plainProduct: ProductTransposed = async (a, b) => {
  const result = new Float64Array(a.rows * b.rows)
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      let sum = 0
      for (let k = 0; k < a.columns; k++) sum += a.values[i * a.columns + k]! * b.values[j * a.columns + k]!
      result[i * b.rows + j] = sum
    }
  }
  return result
}

/** Adds one row to the sums. @param labels NaN where there is none */
export function addRow(sums: RidgeSums, state: readonly number[], labels: readonly number[]): void {
  const labelled = [...labels.keys()].filter((objective) => !Number.isNaN(labels[objective]))
  for (const index of sums.plan.ofPattern.get(patternOf(labelled)) ?? []) {
    const gram = sums.grams[index]!
    state.forEach((x, i) => state.forEach((y, j) => (gram[i * state.length + j]! += x * y)))
    for (const objective of sums.plan.grams[index]!) {
      const label = labels[objective]!
      state.forEach((x, i) => (sums.targets[objective]![i]! += x * label))
      sums.squares[objective]! += label ** 2
      sums.rows[objective]!++
    }
  }
}

/** Solves A x = b by Gaussian elimination with pivots. */
export function eliminate(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, vector[i]!])
  rows.forEach((_, i) => {
    const pivot = rows
      .slice(i)
      .reduce((best, row, at) => (Math.abs(row[i]!) > Math.abs(rows[best]![i]!) ? i + at : best), i)
    ;[rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!]
    rows.forEach((row, j) => {
      if (j === i) return
      const share = row[i]! / rows[i]![i]!
      for (let k = i; k < row.length; k++) row[k]! -= share * rows[i]![k]!
    })
  })
  return rows.map((row, i) => row.at(-1)! / row[i]!)
}
