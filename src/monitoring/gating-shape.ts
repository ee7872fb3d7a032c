/** How a conversation's gating weights are spread over the objectives: a gate that collapses shows here first. */
import { entropy } from '../heads/gate-statistics.js'

export interface GatingShape {
  /** Entropy of the weights as shares of their sum, over that of equal shares: 0 all on one objective, 1 uniform. */
  readonly entropy: number
  /** Share of the largest weight, 1/K to 1. */
  readonly topShare: number
  /** Index of the objective with the largest weight. */
  readonly top: number
}

/**
 * @param gating - `[K]` weights of one conversation, none negative, as the gate gives them (softmax times logit scale)
 * @returns of a single objective, and of weights that are all zero (a logit scale of 0), the shape of one that rules
 */
export function gatingShape(gating: Float32Array): GatingShape {
  let sum = 0
  let top = 0
  for (const [k, weight] of gating.entries()) {
    sum += weight
    if (weight > (gating[top] as number)) top = k
  }
  if (!(sum > 0) || gating.length < 2) return { entropy: 0, topShare: 1, top }
  const shares = Float64Array.from(gating, (weight) => weight / sum)
  return { entropy: entropy(shares) / Math.log(gating.length), topShare: (gating[top] as number) / sum, top }
}
