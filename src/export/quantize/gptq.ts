/**
 * Rounding of weights to 8 bits so that the products come out right, not the weights: GPTQ (arXiv 2210.17323). The error
 * of each input's weights is made up for by those of the inputs that are still to be rounded, as far as the inputs go
 * together in the calibration data.
 */

/** Levels -127..127 `[inputs, outputs]` and their scale for each output. */
export interface Levels8 {
  readonly levels: Int8Array
  readonly scales: Float32Array
}

/** Share of the mean variance that is added to every input's: keeps what the calibration data do not show from being given up. */
const DAMPING = 0.01
/** Inputs whose errors are handed on together. */
const BLOCK = 64

/** Scale `[outputs]` of each output of `[inputs, outputs]`, largest weight / 127. */
function scalesOf(weights: Float64Array, outputs: number): Float32Array {
  const largest = new Float64Array(outputs)
  for (let i = 0; i < weights.length; i++) {
    const output = i % outputs
    largest[output] = Math.max(largest[output]!, Math.abs(weights[i]!))
  }
  return Float32Array.from(largest, (value) => value / 127)
}

const nearest = (weight: number, scale: number): number =>
  scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(weight / scale)))

/** Each weight of `[inputs, outputs]` rounded by itself. */
export function roundNearest(weights: Float64Array, outputs: number): Levels8 {
  const scales = scalesOf(weights, outputs)
  return { levels: Int8Array.from(weights, (weight, i) => nearest(weight, scales[i % outputs]!)), scales }
}

/** What GPTQ needs to know of the inputs; the same for all matrices over them. */
export interface InputFactor {
  /** Inputs in the order in which they are rounded: those that vary most first. */
  readonly order: Int32Array
  /** Upper triangle U `[inputs, inputs]`, inverse of the ordered covariance = UᵀU. */
  readonly upper: Float64Array
}

/** @param covariance `[inputs, inputs]`, symmetric */
export function inputFactor(covariance: Float64Array): InputFactor {
  const inputs = Math.sqrt(covariance.length)
  const variance = (i: number): number => covariance[i * inputs + i]!
  let mean = 0
  for (let i = 0; i < inputs; i++) mean += variance(i) / inputs
  // Inputs that are always zero: any positive number will do.
  const damping = mean > 0 ? DAMPING * mean : 1
  const order = Int32Array.from({ length: inputs }, (_, i) => i).sort((a, b) => variance(b) - variance(a) || a - b)
  const matrix = new Float64Array(inputs * inputs)
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < inputs; j++) matrix[i * inputs + j] = covariance[order[i]! * inputs + order[j]!]!
    matrix[i * inputs + i]! += damping
  }
  factorUpper(matrix, inputs)
  invertUpper(matrix, inputs)
  return { order, upper: matrix }
}

/** A symmetric positive definite matrix becomes the upper triangle A with matrix = A Aᵀ (Cholesky, from the last row up). */
export function factorUpper(matrix: Float64Array, size: number): void {
  for (let i = size - 1; i >= 0; i--) {
    const row = matrix.subarray(i * size, (i + 1) * size)
    for (let j = size - 1; j >= i; j--) {
      const other = matrix.subarray(j * size, (j + 1) * size)
      let sum = row[j]!
      for (let k = j + 1; k < size; k++) sum -= row[k]! * other[k]!
      row[j] = j === i ? Math.sqrt(sum) : sum / other[j]!
    }
    row.fill(0, 0, i)
  }
}

/** The inverse of an upper triangle, in place. */
export function invertUpper(matrix: Float64Array, size: number): void {
  const sum = new Float64Array(size)
  for (let i = size - 1; i >= 0; i--) {
    const row = matrix.subarray(i * size, (i + 1) * size)
    sum.fill(0)
    for (let k = i + 1; k < size; k++) {
      const share = row[k]!
      const below = matrix.subarray(k * size, (k + 1) * size)
      for (let j = k; j < size; j++) sum[j]! += share * below[j]!
    }
    const diagonal = 1 / row[i]!
    for (let j = i + 1; j < size; j++) row[j] = -sum[j]! * diagonal
    row[i] = diagonal
  }
}

/** Rounds `[inputs, outputs]`; `weights` is used up. */
export function roundGptq(weights: Float64Array, outputs: number, { order, upper }: InputFactor): Levels8 {
  const inputs = order.length
  const scales = scalesOf(weights, outputs)
  const levels = new Int8Array(inputs * outputs)
  const rowOf = (step: number): Float64Array => weights.subarray(order[step]! * outputs, (order[step]! + 1) * outputs)
  /** Takes what `errors` of the input at `from` makes of the one at `to` out of the weights of the latter. */
  const handOn = (from: number, to: number, errors: Float64Array): void => {
    const share = upper[from * inputs + to]!
    const row = rowOf(to)
    for (let output = 0; output < outputs; output++) row[output]! -= share * errors[output]!
  }
  const errors = Array.from({ length: BLOCK }, () => new Float64Array(outputs))
  for (let start = 0; start < inputs; start += BLOCK) {
    const end = Math.min(start + BLOCK, inputs)
    for (let step = start; step < end; step++) {
      const row = rowOf(step)
      const error = errors[step - start]!
      const at = order[step]! * outputs
      for (let output = 0; output < outputs; output++) {
        const level = nearest(row[output]!, scales[output]!)
        levels[at + output] = level
        error[output] = (row[output]! - level * scales[output]!) / upper[step * inputs + step]!
      }
      for (let later = step + 1; later < end; later++) handOn(step, later, error)
    }
    for (let later = end; later < inputs; later++) {
      for (let step = start; step < end; step++) handOn(step, later, errors[step - start]!)
    }
  }
  return { levels, scales }
}
