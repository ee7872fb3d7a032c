/**
 * Symmetric positive definite systems in float64, in blocks: nearly all of the n^3/3 multiplications are matrix
 * products, which the caller brings, so that they may run on a library's kernels.
 */

/** Row-major float64. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly values: Float64Array
}

/** `a` `[m, k]` times the transpose of `b` `[n, k]`: `[m, n]`, row-major. */
export type ProductTransposed = (a: Matrix, b: Matrix) => Promise<Float64Array>

/** Columns that are factored together. */
const BLOCK = 128
/** Rows of what is left that are updated together: only what lies left of the diagonal has to be computed. */
const STRIP = 512

/**
 * Factors A = L Lᵀ in place.
 * @param matrix `[size, size]`; its lower triangle is read, and becomes L
 * @returns false when A is not positive definite to float64's precision; the matrix is then spoilt
 */
export async function factor(matrix: Float64Array, size: number, product: ProductTransposed): Promise<boolean> {
  for (let start = 0; start < size; start += BLOCK) {
    const end = Math.min(start + BLOCK, size)
    if (!factorBlock(matrix, size, start, end)) return false
    if (end === size) break
    const width = end - start
    // Rows below the block: L21 = A21 L11^-T.
    const below = { rows: size - end, columns: width, values: copyOf(matrix, size, end, size, start, end) }
    const inverse = { rows: width, columns: width, values: inverseOf(matrix, size, start, end) }
    const panel = await product(below, inverse)
    for (let row = end; row < size; row++) {
      matrix.set(panel.subarray((row - end) * width, (row - end + 1) * width), row * size + start)
    }
    for (let from = end; from < size; from += STRIP) {
      const to = Math.min(from + STRIP, size)
      const strip = (first: number, last: number): Matrix => ({
        rows: last - first,
        columns: width,
        values: panel.subarray((first - end) * width, (last - end) * width)
      })
      const update = await product(strip(from, to), strip(end, to))
      for (let row = from; row < to; row++) {
        const at = (row - from) * (to - end)
        const target = row * size + end
        for (let column = 0; column <= row - end; column++) matrix[target + column]! -= update[at + column]!
      }
    }
  }
  return true
}

/** Solves L Lᵀ x = b in place. @param lower what `factor` made @param vector `[size]` b, becomes x */
export function solveFactored(lower: Float64Array, size: number, vector: Float64Array): void {
  for (let i = 0; i < size; i++) {
    const row = i * size
    let sum = vector[i]!
    for (let j = 0; j < i; j++) sum -= lower[row + j]! * vector[j]!
    vector[i] = sum / lower[row + i]!
  }
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size
    const value = vector[i]! / lower[row + i]!
    vector[i] = value
    for (let j = 0; j < i; j++) vector[j]! -= lower[row + j]! * value
  }
}

/** The block on the diagonal by itself, its earlier columns being taken off already. */
function factorBlock(matrix: Float64Array, size: number, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const row = i * size
    for (let j = start; j <= i; j++) {
      const other = j * size
      let sum = matrix[row + j]!
      for (let k = start; k < j; k++) sum -= matrix[row + k]! * matrix[other + k]!
      if (j < i) matrix[row + j] = sum / matrix[other + j]!
      else if (!(sum > 0)) return false
      else matrix[row + i] = Math.sqrt(sum)
    }
  }
  return true
}

/** Inverse of the lower triangle on the diagonal, `[end - start]` squared. */
function inverseOf(matrix: Float64Array, size: number, start: number, end: number): Float64Array {
  const width = end - start
  const inverse = new Float64Array(width * width)
  for (let i = 0; i < width; i++) {
    const row = (start + i) * size + start
    const target = inverse.subarray(i * width, (i + 1) * width)
    for (let k = 0; k < i; k++) {
      const share = matrix[row + k]!
      for (let j = 0; j <= k; j++) target[j]! -= share * inverse[k * width + j]!
    }
    const diagonal = 1 / matrix[row + i]!
    for (let j = 0; j < i; j++) target[j]! *= diagonal
    target[i] = diagonal
  }
  return inverse
}

function copyOf(matrix: Float64Array, size: number, top: number, bottom: number, left: number, right: number) {
  const width = right - left
  const copy = new Float64Array((bottom - top) * width)
  for (let row = top; row < bottom; row++) {
    copy.set(matrix.subarray(row * size + left, row * size + right), (row - top) * width)
  }
  return copy
}
