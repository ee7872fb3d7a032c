/**
 * A random rotation of the residual stream. Llama's states have a few coordinates that are a hundred times as large as
 * the others; on a grid of 8 bits the others would be lost. In a rotated basis all coordinates are about alike. RMSNorm
 * without gains commutes with it, so the rotation goes into the weights (QuaRot, arXiv 2404.00456; SpinQuant,
 * arXiv 2405.16406).
 */
import { type Random, seeded } from '../../random.js'
import { hadamardBlock, transformBlocks } from './hadamard.js'

/** Standard normal numbers from uniform ones (Box and Muller). */
const normal = (uniform: Random): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())

/** A random orthogonal matrix `[size, size]`: normal numbers, their rows made orthogonal to those before (twice, for float64's sake). */
export function randomOrthogonal(size: number, uniform: Random): Float64Array {
  const matrix = Float64Array.from({ length: size * size }, () => normal(uniform))
  const row = (i: number): Float64Array => matrix.subarray(i * size, (i + 1) * size)
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  for (let i = 0; i < size; i++) {
    const current = row(i)
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = row(j)
        const share = dot(current, other)
        for (let k = 0; k < size; k++) current[k]! -= share * other[k]!
      }
    }
    const length = Math.sqrt(dot(current, current))
    for (let k = 0; k < size; k++) current[k]! /= length
  }
  return matrix
}

const SEED = 1

/**
 * R = diag(signs) (Q kron H): random signs, Hadamard matrices H over blocks of up to 64 coordinates, a random orthogonal
 * matrix Q over the blocks.
 */
export class Rotation {
  readonly #signs: Float64Array
  readonly #block: number
  /** `[blocks, blocks]` */
  readonly #mix: Float64Array

  /** @param size coordinates of a state; the same size gives the same rotation */
  constructor(readonly size: number) {
    const uniform = seeded(SEED)
    this.#block = hadamardBlock(size)
    this.#signs = Float64Array.from({ length: size }, () => (uniform() < 0.5 ? -1 : 1))
    this.#mix = randomOrthogonal(size / this.#block, uniform)
  }

  /** Each row x of `[n, size]` becomes x R, in place. */
  rotateRows(rows: Float64Array): void {
    const block = this.#block
    const blocks = this.size / block
    const mixed = new Float64Array(this.size)
    for (let start = 0; start < rows.length; start += this.size) {
      const row = rows.subarray(start, start + this.size)
      for (let i = 0; i < this.size; i++) row[i]! *= this.#signs[i]!
      transformBlocks(row, block)
      mixed.fill(0)
      for (let from = 0; from < blocks; from++) {
        for (let to = 0; to < blocks; to++) {
          const share = this.#mix[from * blocks + to]!
          for (let i = 0; i < block; i++) mixed[to * block + i]! += share * row[from * block + i]!
        }
      }
      row.set(mixed)
    }
  }

  /** R itself, `[size, size]`. */
  matrix(): Float64Array {
    const matrix = new Float64Array(this.size ** 2)
    for (let i = 0; i < this.size; i++) matrix[i * this.size + i] = 1
    this.rotateRows(matrix)
    return matrix
  }
}
