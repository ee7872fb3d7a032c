/** A first pass over the ratings, without their states: who is labelled, who is in which split, how long responses are. */
import { ArmormError } from '../../errors.js'
import { type EmbeddedRow, LABELS, shards } from '../embedded-set.js'
import { inValidation } from '../split.js'
import type { DerivedObjective } from './settings.js'

export type Split = 'train' | 'validation' | 'heldout'

export interface SplitRule {
  readonly seed: number
  /** Share of the keys that are for validation; of those that the data do not hold out. */
  readonly validation: number
  /** Keys that are held out whatever the data say. */
  readonly heldOut: ReadonlySet<string>
}

export function splitOf(row: EmbeddedRow, { seed, validation, heldOut }: SplitRule): Split {
  if (row.split === 'heldout' || heldOut.has(row.key)) return 'heldout'
  return inValidation(row.key, seed, validation) ? 'validation' : 'train'
}

/** Length of the response of a rating. */
export function lengthOf({ tokens, characters }: EmbeddedRow, from: DerivedObjective['from']): number {
  // An empty response has no logarithm.
  return Math.max(1, Number(from === 'response_tokens' ? tokens : characters))
}

/** Of one rated column, rows of each split and the labels' range over training rows. */
export interface ColumnSurvey {
  readonly rows: Record<Split, number>
  low: number
  high: number
}

export interface Survey {
  readonly rows: Record<Split, number>
  readonly columns: readonly ColumnSurvey[]
  /** Sets of rated columns that training and validation rows have labels in, and how many rows have each. */
  readonly patterns: ReadonlyMap<string, number>
  /** Of training and validation rows, in their order. */
  readonly lengths: Record<DerivedObjective['from'], number[]>
}

/**
 * @param columns number of rated objectives
 * @throws ArmormError invalid_data naming two rows of one key of which only one is held out
 */
export async function survey(folder: string, columns: number, rule: SplitRule): Promise<Survey> {
  const rows = { train: 0, validation: 0, heldout: 0 }
  const lengths = { response_tokens: [] as number[], response_characters: [] as number[] }
  const patterns = new Map<string, number>()
  const found = Array.from({ length: columns }, (): ColumnSurvey => {
    return { rows: { train: 0, validation: 0, heldout: 0 }, low: Infinity, high: -Infinity }
  })
  const sides = new Map<string, { readonly held: boolean; readonly place: string }>()
  for await (const shard of shards(folder, [LABELS])) {
    const labels = shard.tensors[LABELS]!
    shard.rows.forEach((row, index) => {
      const split = splitOf(row, rule)
      checkSide(sides, row, split === 'heldout')
      rows[split]++
      const labelled: number[] = []
      found.forEach((column, at) => {
        const label = labels[index * columns + at]!
        if (Number.isNaN(label)) return
        labelled.push(at)
        column.rows[split]++
        if (split !== 'train') return
        column.low = Math.min(column.low, label)
        column.high = Math.max(column.high, label)
      })
      if (split === 'heldout') return
      const pattern = labelled.join(',')
      patterns.set(pattern, (patterns.get(pattern) ?? 0) + 1)
      lengths.response_tokens.push(lengthOf(row, 'response_tokens'))
      lengths.response_characters.push(lengthOf(row, 'response_characters'))
    })
  }
  return { rows, columns: found, patterns, lengths }
}

function checkSide(sides: Map<string, { held: boolean; place: string }>, row: EmbeddedRow, held: boolean): void {
  const other = sides.get(row.key)
  if (!other) sides.set(row.key, { held, place: row.place })
  else if (other.held !== held) {
    const [inside, outside] = held ? [row.place, other.place] : [other.place, row.place]
    throw new ArmormError('invalid_data', `${inside} is held out, but ${outside} has the same key and is not`)
  }
}
