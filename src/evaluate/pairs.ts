/** Preference pairs scored by several models, from data that may be larger than memory. */
import type { Bundle } from '../bundle/load.js'
import { ArmormError } from '../errors.js'
import type { Message } from '../text/conversation.js'
import { rateInOrder } from './rate.js'

/** Fields that group pairs into sections: the first that any pair has does. */
export const GROUPINGS = ['section', 'category', 'subset'] as const
export type Grouping = (typeof GROUPINGS)[number]

/** A preference as it is read. */
export interface Pair {
  /** `file:line` */
  readonly place: string
  /** The same for the same prompt. */
  readonly key: string
  readonly groups: Readonly<Partial<Record<Grouping, string>>>
  readonly prompt: readonly Message[]
  readonly chosen: string
  readonly rejected: string
}

/** A row that is no pair, or a pair that some model cannot score. */
export interface LeftOut {
  readonly place: string
  readonly reason: string
}

export type PairRow = { readonly done: number } & ({ readonly pair: Pair } | { readonly leftOut: LeftOut })

/** A pair that all models scored; without its texts. */
export interface ScoredPair extends Pick<Pair, 'place' | 'key' | 'groups'> {
  /** Chosen minus rejected: score of each model. */
  readonly margins: readonly number[]
  /** Chosen minus rejected: UTF-16 units of the response. */
  readonly longer: number
}

export interface ScoredPairs {
  readonly pairs: readonly ScoredPair[]
  /** In the order of the data. */
  readonly leftOut: readonly LeftOut[]
}

interface Known extends Omit<ScoredPair, 'margins'> {
  /** Of each model chosen and rejected, as far as they were scored. */
  readonly scores: [chosen: number, rejected: number][]
  /** Why a model could not score it. */
  reason: string | undefined
}

/**
 * Scores all pairs by one model after another. Chosen and rejected response are adjacent, so that their prompt is
 * computed once. What one model cannot score is left out for all, so that all are compared on the same pairs.
 * @param read the rows from the first on; called once for each model
 * @param onProgress told how much is done, 0..1
 * @throws ArmormError invalid_data where the rows changed meanwhile or no pair is left; what `read` throws; what keeps
 *   a bundle from being loaded
 */
export async function scorePairs(
  bundles: readonly Bundle[],
  read: () => AsyncIterable<PairRow>,
  onProgress: (done: number, step: string) => void
): Promise<ScoredPairs> {
  const rows: (Known | LeftOut)[] = []
  for (const [model, bundle] of bundles.entries()) {
    let count = 0
    const conversations = async function* () {
      for await (const row of read()) {
        const known = keep(rows, count++, row, model === 0)
        if (known && known.reason === undefined) {
          const { prompt, chosen, rejected, place } = (row as Extract<PairRow, { pair: Pair }>).pair
          for (const [side, content] of [chosen, rejected].entries()) {
            const messages = [...prompt, { role: 'assistant', content }]
            yield { place, known, side, conversation: { kind: 'messages' as const, messages } }
          }
        }
        onProgress((model + row.done) / bundles.length, `model ${model + 1} of ${bundles.length}`)
      }
    }
    const rated = rateInOrder(bundle, conversations(), ({ known }, { code, message }) => {
      known.reason ??= `${code}: ${message}`
    })
    for await (const { item, values } of rated) {
      const scores = (item.known.scores[model] ??= [NaN, NaN])
      scores[item.side] = values.score
    }
    if (count !== rows.length) throw changed(rows.at(-1)!.place)
  }
  const pairs: ScoredPair[] = []
  const leftOut: LeftOut[] = []
  for (const row of rows) {
    const { place, reason } = row
    if (reason !== undefined) leftOut.push({ place, reason })
    else if ('key' in row) {
      const { key, groups, longer, scores } = row
      pairs.push({ place, key, groups, longer, margins: scores.map(([chosen, rejected]) => chosen - rejected) })
    }
  }
  if (pairs.length > 0) return { pairs, leftOut }
  const [first] = leftOut
  const why = first ? `: the first of ${leftOut.length} rows that cannot be is ${first.place}: ${first.reason}` : ''
  throw new ArmormError('invalid_data', `no pair could be scored${why}`)
}

/**
 * What is known of a row: made by the first model's reading, found by the others'.
 * @param rows so far; one is added, or looked at
 * @returns undefined for no pair
 * @throws ArmormError invalid_data where it is another row than before
 */
export function keep(rows: (Known | LeftOut)[], index: number, row: PairRow, first: boolean): Known | undefined {
  const before = rows[index]
  if (!first && !before) throw changed('pair' in row ? row.pair.place : row.leftOut.place)
  if ('leftOut' in row) {
    if (before && 'key' in before) throw changed(row.leftOut.place)
    rows[index] = row.leftOut
    return undefined
  }
  const { place, key, groups, chosen, rejected } = row.pair
  const longer = chosen.length - rejected.length
  if (before) {
    if ('key' in before && before.key === key && before.longer === longer) return before
    throw changed(place)
  }
  const known: Known = { place, key, groups, longer, scores: [], reason: undefined }
  rows[index] = known
  return known
}

const changed = (place: string): ArmormError =>
  new ArmormError('invalid_data', `${place}: the rows changed while they were read`)
