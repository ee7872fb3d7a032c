/** Which rows of the files are embedded, and in which order: the same for the same files and settings. */
import { createHash } from 'node:crypto'
import { dataRows } from '../../data/rows.js'
import { ArmormError } from '../../errors.js'
import type { SetName } from '../embedded-set.js'
import type { DataSettings } from './settings.js'
import { type TrainRow, TrainRowReader } from './train-row.js'

/** Rows, and characters, that are looked at together to bring those of one prompt side by side. */
const WINDOW_ROWS = 4096
const WINDOW_CHARACTERS = 32 << 20

export interface DataSource {
  readonly set: SetName
  readonly files: readonly string[]
  readonly data: DataSettings
  readonly seed: number
  /** Objectives that are to be trained; undefined: all that are rated. */
  readonly wanted: readonly string[] | undefined
  /** Objectives that no file has to rate. */
  readonly derived?: readonly string[]
}

export interface EmbedPlan {
  /** Rated somewhere, in the order of their first rating; ratings only. */
  readonly objectives: readonly string[]
  /** What the user should know of the ratings, though they can be used. */
  readonly warnings: readonly string[]
  /** Rows that are taken. */
  readonly rows: number
  /** Characters of the rows that are taken. */
  readonly characters: number
  /** Rows of ratings without any. */
  readonly unrated: number
  /** Rows that caps and split left out. */
  readonly leftOut: number
  /** 1 for each row of the files that is taken. */
  readonly taken: Uint8Array
}

/** What is remembered of each row of the files. */
interface Census {
  /** Row -> number of its key; -1: not to be taken, whatever the caps. */
  readonly keyOfRow: number[]
  readonly sourceOfRow: number[]
  readonly charactersOfRow: number[]
  readonly keys: Map<string, number>
  readonly sources: Map<string, number>
}

interface Range {
  readonly place: string
  low: number
  high: number
  count: number
}

export function charactersOf({ prompt, responses }: TrainRow): number {
  const shared = prompt.reduce((sum, { content }) => sum + content.length, 0)
  return responses.reduce((sum, { length }) => sum + length, shared)
}

async function* allRows({ set, files, data }: DataSource): AsyncGenerator<TrainRow> {
  for (const path of files) {
    const reader = new TrainRowReader(path, set, data)
    for await (const row of dataRows(path)) yield reader.read(row)
    reader.finish(path)
  }
}

/**
 * Reads all files once, so that what is wrong with them is known before hours of work, and chooses rows: within the
 * caps, whole prompts, in an order that the seed gives. Memory grows with the number of rows and prompts, not with text.
 * @throws ArmormError invalid_data naming file and line; invalid_config when caps leave nothing, or an objective is not rated
 */
export async function planRows(source: DataSource): Promise<EmbedPlan> {
  const { set, files, data } = source
  const census: Census = { keyOfRow: [], sourceOfRow: [], charactersOfRow: [], keys: new Map(), sources: new Map() }
  const ratings = new Map<string, Range>()
  const stated = new Map<number, { split: TrainRow['split']; place: string }>()
  // Of a rated prompt, stage 1 trains on rows that state no split; of a pair's, stage 2 tests with them.
  const unmarkedCounts = set === 'ratings' && data.split !== 'train'
  let unrated = 0
  for await (const row of allRows(source)) {
    const key = numberOf(census.keys, row.key)
    if (row.split || unmarkedCounts) checkSplit(stated, key, row)
    for (const [objective, label] of row.labels) count(ratings, objective, label, row.place)
    const rated = set !== 'ratings' || row.labels.size > 0
    if (!rated) unrated++
    const wanted = rated && (data.split === 'all' || (row.split ?? data.split) === data.split)
    census.keyOfRow.push(wanted ? key : -1)
    census.sourceOfRow.push(numberOf(census.sources, row.source ?? ''))
    census.charactersOfRow.push(charactersOf(row))
  }
  const warnings = checkRatings(ratings, source)
  const taken = choose(census, source)
  const rows = taken.reduce((sum, take) => sum + take, 0)
  if (rows === 0) {
    const any = census.keyOfRow.some((key) => key >= 0)
    if (any) throw new ArmormError('invalid_config', `data.max_rows or max_rows_per_source leaves no row of the ${set}`)
    throw new ArmormError('invalid_data', `${files.join(', ')}: no row for the ${set}`)
  }
  return {
    objectives: [...ratings.keys()],
    warnings,
    rows,
    characters: census.charactersOfRow.reduce((sum, characters, row) => sum + characters * taken[row]!, 0),
    unrated,
    leftOut: taken.length - rows - unrated,
    taken
  }
}

/**
 * The rows of a plan, those of one prompt side by side within a window of the files' order.
 * @throws ArmormError invalid_data where the files have fewer or more rows by now
 */
export async function* plannedRows(source: DataSource, { taken }: EmbedPlan): AsyncGenerator<TrainRow> {
  const { set, files } = source
  let window: TrainRow[] = []
  let characters = 0
  let index = 0
  for await (const row of allRows(source)) {
    if (index === taken.length) throw changed(row.place)
    if (!taken[index++]) continue
    window.push(row)
    characters += charactersOf(row)
    if (window.length < WINDOW_ROWS && characters < WINDOW_CHARACTERS) continue
    yield* sideBySide(window)
    window = []
    characters = 0
  }
  if (index < taken.length) throw changed(`${files.join(', ')}: row ${index + 1} of the ${set}`)
  yield* sideBySide(window)
}

const changed = (place: string): ArmormError =>
  new ArmormError('invalid_data', `${place}: the data changed while it was read`)

function sideBySide(window: readonly TrainRow[]): TrainRow[] {
  const byKey = new Map<string, TrainRow[]>()
  for (const row of window) {
    const rows = byKey.get(row.key)
    if (rows) rows.push(row)
    else byKey.set(row.key, [row])
  }
  return [...byKey.values()].flat()
}

function numberOf(numbers: Map<string, number>, name: string): number {
  const known = numbers.get(name)
  if (known !== undefined) return known
  numbers.set(name, numbers.size)
  return numbers.size - 1
}

/** A prompt on both sides of a split would let a model be measured on what it was trained on. */
function checkSplit(stated: Map<number, { split: TrainRow['split']; place: string }>, key: number, row: TrainRow) {
  const { split, place } = row
  const other = stated.get(key)
  if (!other) stated.set(key, { split, place })
  else if ((other.split === 'heldout') !== (split === 'heldout')) {
    const message = `${place} has the key of ${other.place}, but is in ${split ?? 'no split'} and that in ${other.split ?? 'no split'}`
    throw new ArmormError('invalid_data', message)
  }
}

function count(ratings: Map<string, Range>, objective: string, label: number, place: string): void {
  const range = ratings.get(objective)
  if (!range) ratings.set(objective, { place, low: label, high: label, count: 1 })
  else {
    range.low = Math.min(range.low, label)
    range.high = Math.max(range.high, label)
    range.count++
  }
}

/**
 * Objectives of which all ratings are the same teach nothing.
 * @returns what to say of them
 * @throws ArmormError invalid_data when one is to be trained, or all are so; invalid_config for one that nobody rates
 */
function checkRatings(ratings: ReadonlyMap<string, Range>, { set, files, wanted, derived = [] }: DataSource): string[] {
  if (set !== 'ratings') return []
  if (ratings.size === 0) throw new ArmormError('invalid_data', `${files.join(', ')}: no row has a rating`)
  const known = [...new Set([...ratings.keys(), ...derived])]
  const missing = wanted?.find((objective) => !known.includes(objective))
  if (missing !== undefined) {
    const message = `objectives names ${missing}, which is neither rated nor derived (${known.join(', ')})`
    throw new ArmormError('invalid_config', message)
  }
  const same = [...ratings].filter(([, { low, high }]) => low === high)
  const texts = same.map(
    ([objective, { place, low, count }]) =>
      `${count === 1 ? 'the only rating' : `all ${count} ratings`} of ${objective} (the first at ${place}) ` +
      `${count === 1 ? 'is' : 'are'} ${low}: nothing can be learnt of it`
  )
  const fatal = same.findIndex(([objective]) => wanted?.includes(objective) ?? same.length === ratings.size)
  if (fatal >= 0) throw new ArmormError('invalid_data', texts[fatal]!)
  return texts
}

/** Takes whole prompts, in the order of a hash, as long as all of their rows fit under the caps. */
function choose(census: Census, { data, seed }: DataSource): Uint8Array {
  const { keyOfRow, sourceOfRow, keys, sources } = census
  const taken = Uint8Array.from(keyOfRow, (key) => (key >= 0 ? 1 : 0))
  const cap = data.max_rows || Infinity
  const sourceCap = data.max_rows_per_source || Infinity
  if (cap === Infinity && sourceCap === Infinity) return taken
  const rowsOfKey = Array.from({ length: keys.size }, (): number[] => [])
  keyOfRow.forEach((key, row) => rowsOfKey[key]?.push(row))
  const place = [...keys.keys()].map((key) => createHash('sha256').update(`${seed} ${key}`).digest('hex'))
  const order = rowsOfKey.map((_, key) => key).sort((a, b) => (place[a]! < place[b]! ? -1 : 1))
  const counts = new Array<number>(sources.size).fill(0)
  let total = 0
  for (const key of order) {
    const rows = rowsOfKey[key]!
    for (const row of rows) counts[sourceOfRow[row]!]!++
    total += rows.length
    if (total <= cap && rows.every((row) => counts[sourceOfRow[row]!]! <= sourceCap)) continue
    for (const row of rows) {
      counts[sourceOfRow[row]!]!--
      taken[row] = 0
    }
    total -= rows.length
  }
  return taken
}
