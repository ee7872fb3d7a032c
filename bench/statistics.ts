/** Medians and ratios of figures that were measured in turns. */

/** Middle value; of an even number the mean of the middle two. @throws RangeError for none */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Value below which a share of the values lies, interpolated. @throws RangeError for none */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('no values to take a quantile of')
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const low = Math.floor(at)
  const [below, above] = [sorted[low]!, sorted[Math.min(low + 1, sorted.length - 1)]!]
  return below + (above - below) * (at - low)
}

/** Median, least and largest of several values. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly count: number
}

/** @throws RangeError for none */
export function spread(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values), count: values.length }
}

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
