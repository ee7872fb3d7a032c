/** What gating weights look like over many prompts: even, on one objective, or the same for every prompt. */

export interface GateStatistics {
  /** Mean entropy of a prompt's weights, divided by log K: 1 when all objectives weigh the same, 0 when one has all. */
  readonly entropy: number
  /** Mean over the prompts of the largest weight's share. */
  readonly topShare: number
  /**
   * How much of it depends on the prompt: entropy of the mean weights minus mean entropy, divided by log K (the mutual
   * information of prompt and objective). 0 when every prompt has the same weights.
   */
  readonly variation: number
  /** `[K]` mean weights, adding up to 1. */
  readonly mean: Float64Array
}

/**
 * @param weights `[N, K]` row-major; each row is 0 or more and adds up to 1
 * @param objectives K, at least 2 for the entropies to mean anything; with one objective they are 0
 */
export function gateStatistics(weights: Float32Array | Float64Array, objectives: number): GateStatistics {
  const rows = weights.length / objectives
  const mean = new Float64Array(objectives)
  let entropies = 0
  let tops = 0
  for (let row = 0; row < rows; row++) {
    const of = weights.subarray(row * objectives, (row + 1) * objectives)
    entropies += entropy(of)
    let top = 0
    for (let j = 0; j < objectives; j++) {
      mean[j]! += of[j]! / rows
      top = Math.max(top, of[j]!)
    }
    tops += top
  }
  const scale = objectives > 1 ? Math.log(objectives) : 1
  const within = entropies / rows
  return {
    entropy: within / scale,
    topShare: tops / rows,
    variation: Math.max(0, entropy(mean) - within) / scale,
    mean
  }
}

/** -sum p log p, in nats. */
export function entropy(shares: Float32Array | Float64Array): number {
  let sum = 0
  for (const share of shares) if (share > 0) sum -= share * Math.log(share)
  return sum
}
