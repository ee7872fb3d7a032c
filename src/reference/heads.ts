/**
 * The heads of ArmoRM (arXiv 2406.12845): ratings from the last token, gating weights from the end of the prompt.
 * Same computation as modeling_custom.py of RLHFlow/ArmoRM-Llama3-8B-v0.1. Shapes: D hidden size, K objectives.
 */
import { linear, softmax, type Linear } from './linear.js'

export interface HeadWeights {
  /** `[K, D]`, no bias */
  readonly regression: Linear
  /** Hidden layers, then the output layer: `[gate, D]`, `[gate, gate]` ..., `[K, gate]`. */
  readonly gating: readonly Linear[]
  readonly temperature: number
  readonly logitScale: number
  /** `[K, K]` */
  readonly transform: Float32Array
}

export interface Reward {
  /** `[K]` raw outputs of the regression layer. */
  readonly ratings: Float64Array
  /** `[K]` gating weights; they sum to the logit scale. */
  readonly gating: Float64Array
  /** `[K]` ratings after the transform. */
  readonly adjusted: Float64Array
  readonly score: number
}

/**
 * @param last `[D]` hidden state of the last token
 * @param prompt `[D]` hidden state at the gate position
 */
export async function heads(weights: HeadWeights, last: Float64Array, prompt: Float64Array): Promise<Reward> {
  const ratings = await linear(last, 1, weights.regression)
  const gating = await gate(weights, prompt)
  const adjusted = transform(ratings, weights.transform)
  const score = adjusted.reduce((sum, rating, objective) => sum + gating[objective]! * rating, 0)
  return { ratings, gating, adjusted, score }
}

/** softmax(MLP(prompt) / temperature) * logit scale, ReLU after every layer but the last. `[D]` -> `[K]` */
async function gate({ gating, temperature, logitScale }: HeadWeights, prompt: Float64Array): Promise<Float64Array> {
  let x = prompt
  for (const [i, layer] of gating.entries()) {
    x = await linear(x, 1, layer)
    if (i < gating.length - 1) x = x.map((value) => Math.max(0, value))
  }
  return softmax(x.map((logit) => logit / temperature)).map((weight) => weight * logitScale)
}

/** adjusted_j = sum_i rating_i T_ij. `[K]` -> `[K]` */
function transform(ratings: Float64Array, matrix: Float32Array): Float64Array {
  const objectives = ratings.length
  return ratings.map((_, j) => ratings.reduce((sum, rating, i) => sum + rating * matrix[i * objectives + j]!, 0))
}
