/** How far the scores that are given have moved from those of the bundle's reference. */
import type { Distribution } from '../bundle/reference.js'

/**
 * Largest distance between two cumulative distributions (Kolmogorov and Smirnov): 0 the same, 1 without overlap.
 * @param values - one at least
 * @param reference - between its percentiles taken as uniform
 */
export function distributionDistance(values: readonly number[], { percentiles }: Distribution): number {
  const sorted = [...values].sort((a, b) => a - b)
  let largest = 0
  for (const [i, value] of sorted.entries()) {
    const [low, high] = shareBelow(value, percentiles)
    // The distribution of the values steps at each of them; both sides of the step count.
    largest = Math.max(largest, (i + 1) / sorted.length - high, low - i / sorted.length)
  }
  return largest
}

/**
 * Share of the reference below a value, and at or below it: they differ where percentiles are equal.
 * @param percentiles - `[P]`, never falling
 */
function shareBelow(value: number, percentiles: readonly number[]): readonly [number, number] {
  const last = percentiles.length - 1
  const below = percentiles.findIndex((percentile) => percentile >= value)
  if (below < 0) return [1, 1]
  const above = percentiles.findLastIndex((percentile) => percentile <= value)
  if (above < 0) return [0, 0]
  if (above >= below) return [below / last, above / last]
  const [from, to] = [percentiles[above] as number, percentiles[below] as number]
  const share = (above + (value - from) / (to - from)) / last
  return [share, share]
}
