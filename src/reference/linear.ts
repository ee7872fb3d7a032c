/** The two operations that backbone and heads share. */
import { rowBlocks, type WeightSource } from '../checkpoint/weights.js'

/** A linear layer; its weight is read whenever it is needed, so that memory does not grow with the model. */
export interface Linear {
  /** `[out, in]` */
  readonly weight: WeightSource
  /** `[out]`; null for a layer without bias. */
  readonly bias: Float32Array | null
}

/**
 * y = x Wᵀ + b for every row.
 * @param x `[rows, in]`
 * @returns `[rows, out]`
 */
export async function linear(x: Float64Array, rows: number, { weight, bias }: Linear): Promise<Float64Array> {
  const { rows: outSize, columns: inSize } = weight
  const y = new Float64Array(rows * outSize)
  for await (const { first, count, block } of rowBlocks(weight)) {
    for (let row = 0; row < rows; row++) {
      for (let out = 0; out < count; out++) {
        let sum = bias ? bias[first + out]! : 0
        for (let i = 0; i < inSize; i++) sum += x[row * inSize + i]! * block[out * inSize + i]!
        y[row * outSize + first + out] = sum
      }
    }
  }
  return y
}

/** Softmax over all elements; the maximum is subtracted so that exp cannot overflow. */
export function softmax(logits: Float64Array): Float64Array {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const exps = logits.map((logit) => Math.exp(logit - max))
  const sum = exps.reduce((a, b) => a + b, 0)
  return exps.map((value) => value / sum)
}
