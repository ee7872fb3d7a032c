/**
 * Exact storage of weights that once were quantized. A checkpoint dequantized from a 4- or 8-bit GGUF to bfloat16 still
 * lies on its old grid: in every block of 32, weight = bf16(scale * q + minimum) with float16 scale and minimum
 * (llama.cpp's Q4_1 and, without a minimum, Q8_0: ggml/src/ggml-quants.c). Finding that grid again stores the same
 * weights, bit for bit, in 5 or 8.5 bits instead of 16.
 */
import { floatToHalf, halfToFloat, roundToBfloat16 } from './half.js'

/** Weights that share one scale. */
export const GRID_BLOCK = 32

/** How many float16 steps around the first guess are tried for a scale and for a minimum. */
const SCALE_STEPS = 12
const MINIMUM_STEPS = 8

export interface Grid4 {
  /** float16 bits. */
  scale: number
  minimum: number
}

/** float16 bit patterns around `guess`, nearest first. */
function* neighbours(guess: number, steps: number): Generator<number> {
  const center = floatToHalf(guess)
  yield center
  for (let step = 1; step <= steps; step++) {
    if ((center & 0x7fff) + step < 0x7c00) yield center + step
    if ((center & 0x7fff) - step >= 0) yield center - step
  }
}

function fits(
  weights: Float32Array,
  at: number,
  scale: number,
  minimum: number,
  low: number,
  high: number,
  q: Int16Array
): boolean {
  for (let i = 0; i < GRID_BLOCK; i++) {
    const weight = weights[at + i]!
    const level = scale === 0 ? 0 : Math.round((weight - minimum) / scale)
    if (level < low || level > high) return false
    // Math.fround twice: the product and the sum were float32 operations.
    if (roundToBfloat16(Math.fround(Math.fround(scale * level) + minimum)) !== weight) return false
    q[i] = level
  }
  return true
}

/** Finds the 4-bit grid of the block at `at`; levels 0..15 go to `q`. Null when there is none. */
export function fitGrid4(weights: Float32Array, at: number, q: Int16Array): Grid4 | null {
  let smallest = Infinity
  let largest = -Infinity
  for (let i = at; i < at + GRID_BLOCK; i++) {
    smallest = Math.min(smallest, weights[i]!)
    largest = Math.max(largest, weights[i]!)
  }
  for (const minimum of neighbours(smallest, MINIMUM_STEPS)) {
    const base = halfToFloat(minimum)
    for (const scale of neighbours(Math.max(0, (largest - base) / 15), SCALE_STEPS)) {
      if (fits(weights, at, halfToFloat(scale), base, 0, 15, q)) return { scale, minimum }
    }
  }
  return null
}

/** Finds the symmetric 8-bit grid of the block at `at`: float16 bits of its scale; levels go to `q`. Null when none. */
export function fitGrid8(weights: Float32Array, at: number, q: Int16Array): number | null {
  let magnitude = 0
  for (let i = at; i < at + GRID_BLOCK; i++) magnitude = Math.max(magnitude, Math.abs(weights[i]!))
  for (const scale of neighbours(magnitude / 127, SCALE_STEPS)) {
    if (fits(weights, at, halfToFloat(scale), 0, -128, 127, q)) return scale
  }
  return null
}
