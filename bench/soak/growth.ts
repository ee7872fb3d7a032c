/** Whether something that is measured again and again grows. */
import { median } from '../statistics.js'

/** Taken after so many requests. */
export interface Sample {
  readonly requests: number
  readonly value: number
}

export interface Growth {
  /** Median of the samples of the second quarter, when what is bounded should have filled. */
  readonly early: number
  /** Median of those of the last quarter. */
  readonly late: number
  readonly highest: number
  /** Theil-Sen slope over the second half: the median of the slopes of all pairs. In the value's unit, for each request. */
  readonly slope: number
}

/** @param samples - at least 8, requests rising @throws RangeError for fewer */
export function growthOf(samples: readonly Sample[]): Growth {
  if (samples.length < 8) throw new RangeError(`${samples.length} samples are too few`)
  const quarter = Math.floor(samples.length / 4)
  const values = (from: number, to: number) => samples.slice(from, to).map(({ value }) => value)
  const half = samples.slice(Math.floor(samples.length / 2))
  const slopes = half.flatMap((a, i) => half.slice(i + 1).map((b) => (b.value - a.value) / (b.requests - a.requests)))
  return {
    early: median(values(quarter, 2 * quarter)),
    late: median(values(samples.length - quarter, samples.length)),
    highest: Math.max(...values(0, samples.length)),
    slope: median(slopes)
  }
}
