/** The objectives that are trained, and where a row's label of each comes from. */
import { ArmormError } from '../../errors.js'
import type { EmbeddedRow } from '../embedded-set.js'
import type { DerivedObjective, Stage1Settings } from './settings.js'
import { lengthOf, type Survey } from './survey.js'
import { quantile } from '../../heads/statistics.js'

export type Objective =
  | { readonly name: string; readonly kind: 'rated'; readonly column: number }
  | ({ readonly name: string; readonly kind: 'derived' } & Required<DerivedObjective>)

/** What `settings.derived` means where nothing is stated. */
export const DEFAULT_DERIVED: DerivedObjective = { name: 'verbosity', from: 'response_tokens' }
/** Percentiles of the lengths that get the labels 0 and 1. */
const [LOW, HIGH] = [0.01, 0.99]

interface Wanted {
  /** `settings.objectives` and `settings.derived`. */
  readonly objectives?: readonly string[] | undefined
  readonly derived?: readonly DerivedObjective[] | undefined
}

/**
 * Those that the settings name, in that order, or else all that have labels to train on and then the derived ones.
 * @param rated names of the columns of labels
 * @throws ArmormError invalid_config naming an objective that nobody defines, or that is defined twice
 */
export function chooseObjectives(rated: readonly string[], wanted: Wanted, found: Survey): Objective[] {
  const derived = wanted.derived ?? (rated.includes(DEFAULT_DERIVED.name) ? [] : [DEFAULT_DERIVED])
  const all = new Map<string, Objective>(rated.map((name, column) => [name, { name, kind: 'rated', column }]))
  for (const objective of derived) {
    if (all.has(objective.name)) {
      const other = rated.includes(objective.name) ? 'is rated in the data as well' : 'is there twice'
      throw new ArmormError('invalid_config', `derived objective ${objective.name} ${other}: give it another name`)
    }
    // A scale is asked of those alone that are trained.
    if (wanted.objectives?.includes(objective.name) === false) continue
    all.set(objective.name, { ...bounds(objective, found), name: objective.name, kind: 'derived' })
  }
  if (!wanted.objectives) {
    const chosen = [...all.values()].filter((objective) => {
      const { train, validation } = rowsOf(objective, found)
      return train + validation > 0
    })
    if (chosen.length === 0)
      throw new ArmormError('invalid_data', 'no row that is not held out has a label, and no objective is derived')
    return chosen
  }
  return wanted.objectives.map((name, index, names) => {
    const objective = all.get(name)
    if (names.indexOf(name) !== index) throw new ArmormError('invalid_config', `objectives names ${name} twice`)
    if (objective) return objective
    const known = [...new Set([...all.keys(), ...derived.map((each) => each.name)])].join(', ')
    throw new ArmormError('invalid_config', `objectives names ${name}, which is neither rated nor derived (${known})`)
  })
}

/** The ends of a derived objective's scale. @throws ArmormError invalid_config when they are none; invalid_data */
function bounds(objective: DerivedObjective, { lengths }: Survey): Required<DerivedObjective> {
  const sorted = Float64Array.from(lengths[objective.from]).sort()
  if (sorted.length === 0) throw new ArmormError('invalid_data', 'all rows of the ratings are held out')
  const { low = quantile(sorted, LOW), high = quantile(sorted, HIGH) } = objective
  if (low < high) return { ...objective, low, high }
  const what = `derived objective ${objective.name}: its scale goes from a length of ${low} to ${high}`
  throw new ArmormError('invalid_config', `${what}; state low and high, low being the smaller`)
}

/** Labels of one row in the order of the objectives, NaN where there is none. @param labels `[columns]` of the row */
export function labelsOf(objectives: readonly Objective[], row: EmbeddedRow, labels: Float32Array): Float32Array {
  return Float32Array.from(objectives, (objective) => {
    if (objective.kind === 'rated') return labels[objective.column]!
    const { from, low, high } = objective
    return Math.min(1, Math.max(0, Math.log(lengthOf(row, from) / low) / Math.log(high / low)))
  })
}

/** Patterns of labels over the objectives, each ascending, that training and validation rows have. */
export function patternsOf(objectives: readonly Objective[], found: Survey): number[][] {
  const patterns = [...found.patterns.keys()].map((pattern) => {
    const columns = new Set(pattern === '' ? [] : pattern.split(',').map(Number))
    return objectives.flatMap((o, index) => (o.kind === 'derived' || columns.has(o.column) ? [index] : []))
  })
  return [...new Map(patterns.filter(({ length }) => length > 0).map((p) => [p.join(','), p])).values()]
}

/** Rows of one objective that have a label, by split. */
export function rowsOf(objective: Objective, found: Survey): Survey['rows'] {
  return objective.kind === 'derived' ? found.rows : found.columns[objective.column]!.rows
}

/** @throws ArmormError invalid_data naming an objective that cannot be trained, and why */
export function checkObjectives(objectives: readonly Objective[], found: Survey, settings: Stage1Settings): void {
  for (const objective of objectives) {
    const { train, validation } = rowsOf(objective, found)
    const cannot = (why: string) =>
      new ArmormError('invalid_data', `objective ${objective.name} cannot be trained: ${why}`, {
        objective: objective.name
      })
    if (train + validation === 0) throw cannot('no row that is not held out has a label')
    if (train < settings.min_rows) {
      throw cannot(`${train} training rows have a label, stage1.min_rows is ${settings.min_rows}`)
    }
    if (validation < 2) throw cannot(`${validation} rows of the validation split have a label, 2 are needed`)
    if (objective.kind === 'derived') continue
    const { low, high } = found.columns[objective.column]!
    if (low === high) throw cannot(`its ${train} labels are all ${low}, so there is one class only`)
  }
}
