/**
 * Accuracies of several ways to tell the better response, with confidence intervals by bootstrap over keys (Efron &
 * Tibshirani 1993, percentile intervals): pairs of one prompt are not independent, so whole prompts are drawn.
 */
import { seeded } from '../random.js'
import { mean, quantile } from './statistics.js'

/** What a margin counts: 1 when the chosen response scores higher, a half when both score the same, else 0. */
export const outcome = (margin: number): number => (margin > 0 ? 1 : margin === 0 ? 0.5 : 0)

export interface Interval {
  readonly low: number
  readonly high: number
}

export interface Accuracy extends Interval {
  readonly accuracy: number
}

export interface BootstrapOptions {
  readonly seed: number
  readonly resamples: number
  /** Share of the resamples within an interval, such as 0.95. */
  readonly confidence: number
}

export interface Compared {
  /** Of each row of outcomes. */
  readonly accuracies: readonly Accuracy[]
  /** Of each row: accuracy of the first row minus its own, in the same resamples. */
  readonly differences: readonly (Interval & { readonly difference: number })[]
}

/**
 * @param outcomes `[N]` of each way, see `outcome`
 * @param keys `[N]` key of each pair
 */
export function bootstrap(
  outcomes: readonly Float64Array[],
  keys: readonly string[],
  options: BootstrapOptions
): Compared {
  const accuracies = outcomes.map(mean)
  return compared(accuracies, resampled(outcomes, keys, options), options.confidence)
}

/**
 * Accuracies of each way in resamples of the keys; all ways have the same ones.
 * @param outcomes `[N]` of each way
 * @param keys `[N]` key of each pair
 * @returns `[resamples]` of each way
 */
export function resampled(
  outcomes: readonly Float64Array[],
  keys: readonly string[],
  { seed, resamples }: Pick<BootstrapOptions, 'seed' | 'resamples'>
): Float64Array[] {
  // Sums of each key: a resample is then a draw of keys, whatever the number of pairs.
  const index = new Map<string, number>()
  const keyOf = keys.map((key) => {
    if (!index.has(key)) index.set(key, index.size)
    return index.get(key)!
  })
  const pairs = new Float64Array(index.size)
  for (const key of keyOf) pairs[key]!++
  const wins = outcomes.map((row) => {
    const sums = new Float64Array(index.size)
    row.forEach((value, i) => (sums[keyOf[i]!]! += value))
    return sums
  })

  const random = seeded(seed)
  const samples = outcomes.map(() => new Float64Array(resamples))
  const drawn = new Int32Array(index.size)
  for (let sample = 0; sample < resamples; sample++) {
    let total = 0
    for (let i = 0; i < drawn.length; i++) {
      const key = Math.floor(random() * drawn.length)
      drawn[i] = key
      total += pairs[key]!
    }
    wins.forEach((sums, row) => {
      let won = 0
      for (const key of drawn) won += sums[key]!
      samples[row]![sample] = won / total
    })
  }
  return samples
}

/**
 * @param found accuracy of each way
 * @param samples `[resamples]` of each way, see `resampled`
 */
export function compared(found: readonly number[], samples: readonly Float64Array[], confidence: number): Compared {
  return {
    accuracies: found.map((accuracy, row) => ({ accuracy, ...interval(samples[row]!, confidence) })),
    differences: found.map((accuracy, row) => ({
      difference: found[0]! - accuracy,
      ...interval(
        samples[row]!.map((value, sample) => samples[0]![sample]! - value),
        confidence
      )
    }))
  }
}

/** Percentiles of the samples, between which `confidence` of them lie. */
function interval(samples: Float64Array, confidence: number): Interval {
  const sorted = samples.slice().sort()
  return { low: quantile(sorted, (1 - confidence) / 2), high: quantile(sorted, (1 + confidence) / 2) }
}
