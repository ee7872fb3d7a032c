/** Accuracy of reward models on preference pairs, by section and over all, side by side. */
import { type Accuracy, compared, type Compared, type Interval, outcome, resampled } from '../heads/bootstrap.js'
import { mean } from '../heads/statistics.js'
import { type Grouping, GROUPINGS, type ScoredPair } from './pairs.js'

export const BOOTSTRAP = { seed: 1, resamples: 2000, confidence: 0.95 } as const

/** Of one model, or of the length; a tie counts half. */
export interface Measured extends Accuracy {
  /** Pairs of which both responses score the same. */
  readonly ties: number
  /** Its accuracy minus that of the first model, in the same resamples; the first has none. */
  readonly difference?: Interval & { readonly difference: number }
}

export interface Measures {
  readonly pairs: number
  /** Different keys. */
  readonly prompts: number
  readonly models: readonly Measured[]
  /** The longer response, in characters, taken for the better one. */
  readonly longer: Measured
}

export interface PairAccuracy {
  /** Field that the sections are from; null where no pair has any. */
  readonly grouped_by: Grouping | null
  /** By name; null: the pairs without the field. */
  readonly sections: readonly (Measures & { readonly name: string | null })[]
  /** Each section counts alike, as in RewardBench's score; null without sections. */
  readonly mean_of_sections: Measures | null
  readonly mean_of_pairs: Measures
}

/**
 * Every pair of a section counts alike, so its accuracy is the mean of its subsets, weighted by their pairs. The
 * resamples of the mean of sections are drawn in each section by itself, so that none is ever empty.
 * @param pairs one or more
 */
export function pairAccuracy(pairs: readonly ScoredPair[]): PairAccuracy {
  const groupedBy = GROUPINGS.find((field) => pairs.some(({ groups }) => groups[field] !== undefined)) ?? null
  const all = new Sample(pairs, BOOTSTRAP.seed)
  if (groupedBy === null) return { grouped_by: null, sections: [], mean_of_sections: null, mean_of_pairs: all.measures }
  const named = new Map<string | null, ScoredPair[]>()
  for (const pair of pairs) {
    const name = pair.groups[groupedBy] ?? null
    if (!named.has(name)) named.set(name, [])
    named.get(name)!.push(pair)
  }
  const names = [...named.keys()].sort((a, b) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1))
  // A seed for each: sections of as many prompts would else be drawn alike.
  const samples = names.map((name, i) => new Sample(named.get(name)!, BOOTSTRAP.seed + 1 + i))
  const over = (of: (sample: Sample) => number): number => mean(samples.map(of))
  const ofSections = compared(
    all.accuracies.map((_, way) => over(({ accuracies }) => accuracies[way]!)),
    all.resamples.map((row, way) => row.map((_, i) => over(({ resamples }) => resamples[way]![i]!))),
    BOOTSTRAP.confidence
  )
  return {
    grouped_by: groupedBy,
    sections: samples.map(({ measures }, i) => ({ name: names[i]!, ...measures })),
    mean_of_sections: all.toMeasures(ofSections),
    mean_of_pairs: all.measures
  }
}

/** Pairs, with the accuracies of each way: the models, then the length. */
class Sample {
  readonly accuracies: readonly number[]
  /** `[resamples]` of each way. */
  readonly resamples: readonly Float64Array[]
  readonly measures: Measures
  readonly #prompts: number
  readonly #margins: readonly (readonly number[])[]

  constructor(pairs: readonly ScoredPair[], seed: number) {
    const keys = pairs.map(({ key }) => key)
    const models = pairs[0]!.margins.map((_, model) => pairs.map(({ margins }) => margins[model]!))
    this.#prompts = new Set(keys).size
    this.#margins = [...models, pairs.map(({ longer }) => longer)]
    const outcomes = this.#margins.map((row) => Float64Array.from(row, outcome))
    this.accuracies = outcomes.map(mean)
    this.resamples = resampled(outcomes, keys, { ...BOOTSTRAP, seed })
    this.measures = this.toMeasures(compared(this.accuracies, this.resamples, BOOTSTRAP.confidence))
  }

  toMeasures({ accuracies, differences }: Compared): Measures {
    const ways = accuracies.map((accuracy, way): Measured => {
      const ties = this.#margins[way]!.filter((margin) => margin === 0).length
      if (way === 0) return { ...accuracy, ties }
      const { difference, low, high } = differences[way]!
      // The other way round: first minus further there, further minus first here.
      return { ...accuracy, ties, difference: { difference: 0 - difference, low: 0 - high, high: 0 - low } }
    })
    const models = ways.slice(0, -1)
    return { pairs: this.#margins[0]!.length, prompts: this.#prompts, models, longer: ways.at(-1)! }
  }
}
