/** Accuracies of several ways to tell the better response, side by side. */
import { type Accuracy, bootstrap, type BootstrapOptions, type Interval, outcome } from '../heads/bootstrap.js'
import { mean } from '../heads/statistics.js'
import type { EmbeddedRow } from './embedded-set.js'

/** A way to tell the better response. */
export interface Way {
  readonly name: string
  /** Margins of the compared pairs, of each run: several seeds count as their mean. */
  readonly margins: readonly Float64Array[]
  /** What was chosen for it: an objective, weights, a strength. */
  readonly chosen?: Readonly<Record<string, unknown>>
}

/** A tie counts half. */
export interface Tested extends Accuracy {
  readonly pairs: number
  /** Pairs of which both responses score the same, mean of the runs: where ties count as lost, half of them go off. */
  readonly ties: number
}

/** Accuracy of the first row minus this one's, in the same resamples. */
export interface Difference extends Interval {
  readonly difference: number
}

export interface ComparedRow {
  readonly name: string
  readonly chosen?: Readonly<Record<string, unknown>>
  readonly all: Tested
  readonly categories: Readonly<Record<string, Tested>>
  readonly difference: Difference
  readonly category_differences: Readonly<Record<string, Difference>>
}

/**
 * @param rows of all pairs
 * @param compared indices of those that are compared; margins are in their order
 * @returns a row for each way, in the order of the ways
 */
export function compare(
  rows: readonly EmbeddedRow[],
  compared: Int32Array,
  ways: readonly Way[],
  options: BootstrapOptions
): ComparedRow[] {
  const on = (places: readonly number[]) => {
    const outcomes = ways.map(({ margins }) =>
      Float64Array.from(places, (place) => mean(margins.map((run) => outcome(run[place]!))))
    )
    const keys = places.map((place) => rows[compared[place]!]!.key)
    const { accuracies, differences } = bootstrap(outcomes, keys, options)
    const tested = ways.map(({ margins }, i): Tested => {
      const ties = mean(margins.map((run) => places.filter((place) => run[place] === 0).length))
      return { ...accuracies[i]!, pairs: places.length, ties }
    })
    return { tested, differences }
  }
  const categories = new Map<string, number[]>()
  compared.forEach((row, place) => {
    const { category } = rows[row]!
    if (category === undefined) return
    if (!categories.has(category)) categories.set(category, [])
    categories.get(category)!.push(place)
  })
  const all = on([...compared.keys()])
  const names = [...categories.keys()].sort()
  const each = names.map((name) => on(categories.get(name)!))
  const byName = <T>(values: readonly T[]): Record<string, T> =>
    Object.fromEntries(names.map((name, i) => [name, values[i]!]))
  return ways.map(({ name, chosen }, i) => ({
    name,
    ...(chosen && { chosen }),
    all: all.tested[i]!,
    categories: byName(each.map(({ tested }) => tested[i]!)),
    difference: all.differences[i]!,
    category_differences: byName(each.map(({ differences }) => differences[i]!))
  }))
}
