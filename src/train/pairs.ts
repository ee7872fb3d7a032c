/**
 * Preferences as the gate and the baselines read them. Shapes: N pairs, H width of the states, K objectives; differences
 * are those of the chosen response minus those of the rejected one.
 */
import { ArmormError } from '../errors.js'
import { type EmbeddedRow, readIndex, setFolder, shards } from './embedded-set.js'
import type { MadeFrom } from './made-from.js'
import type { RatingHead } from './rating-head.js'
import { inValidation } from './split.js'

export interface PairSplit {
  /** Of every split of the training. */
  readonly seed: number
  readonly validationShare: number
  readonly testShare: number
}

export type Part = 'train' | 'validation' | 'test'

export interface PairSet {
  readonly rows: readonly EmbeddedRow[]
  readonly objectives: readonly string[]
  readonly hidden: number
  /** `[N, H]` */
  readonly promptStates: Float32Array
  /** `[N, H]` differences of states; empty where they were not asked for. */
  readonly states: Float32Array
  /** `[N, K]` differences of ratings. */
  readonly ratings: Float32Array
  /** `[N, K]` differences of transformed ratings. */
  readonly adjusted: Float32Array
  readonly madeFrom: MadeFrom
  /** Indices of the pairs of each part, ascending; no part is empty. */
  readonly parts: Readonly<Record<Part, Int32Array>>
}

/**
 * Reads the embedded preferences of a work folder.
 * @param withStates whether the differences of states are kept: as much memory again as the prompts' states
 * @throws ArmormError invalid_work when the set is not there, is of another model than the head, holds a value that is not
 * finite, or leaves a part without pairs
 */
export async function loadPairs(
  work: string,
  head: RatingHead,
  split: PairSplit,
  withStates: boolean
): Promise<PairSet> {
  const folder = setFolder(work, 'preferences')
  const index = await readIndex(folder)
  const { hidden } = head
  if (index.hidden !== hidden || index.model.revision !== head.revision) {
    throw new ArmormError('invalid_work', `${folder} is not of the model that stage 1 was trained on`)
  }
  const total = index.shards.reduce((sum, shard) => sum + shard.rows, 0)
  const size = head.objectives.length
  const rows: EmbeddedRow[] = []
  const promptStates = new Float32Array(total * hidden)
  const states = new Float32Array(withStates ? total * hidden : 0)
  const ratings = new Float32Array(total * size)
  for await (const shard of shards(folder)) {
    const [chosen, rejected] = [shard.tensors['chosen_states']!, shard.tensors['rejected_states']!]
    const difference = Float64Array.from(chosen, (value, i) => value - rejected[i]!)
    const rated = rate(difference, head)
    checkFinite(shard.rows, rated, shard.tensors['prompt_states']!)
    promptStates.set(shard.tensors['prompt_states']!, rows.length * hidden)
    if (withStates) states.set(difference, rows.length * hidden)
    ratings.set(rated, rows.length * size)
    rows.push(...shard.rows)
  }
  const parts = splitPairs(rows, split)
  const [stage1 = '', debias = ''] = head.fingerprints
  return {
    rows,
    madeFrom: { stage1, debias, preferences: index.fingerprint },
    objectives: head.objectives,
    hidden,
    promptStates,
    states,
    ratings,
    adjusted: adjust(ratings, head.transform),
    parts
  }
}

/** `[n, H]` times the transpose of the head's `[K, H]`. */
function rate(states: Float64Array, { weight, hidden, objectives }: RatingHead): Float64Array {
  const rated = new Float64Array((states.length / hidden) * objectives.length)
  for (let at = 0; at < rated.length; at++) {
    const [from, row] = [Math.floor(at / objectives.length) * hidden, (at % objectives.length) * hidden]
    let sum = 0
    for (let i = 0; i < hidden; i++) sum += states[from + i]! * weight[row + i]!
    rated[at] = sum
  }
  return rated
}

/** Ratings `[N, K]`, or differences of them, times the transform from the right. */
export function adjust(ratings: Float32Array, transform: RatingHead['transform']): Float32Array {
  const size = transform.length
  const adjusted = new Float32Array(ratings.length)
  for (let row = 0; row < ratings.length; row += size) {
    for (let j = 0; j < size; j++) {
      let sum = 0
      for (let i = 0; i < size; i++) sum += ratings[row + i]! * transform[i]![j]!
      adjusted[row + j] = sum
    }
  }
  return adjusted
}

/**
 * Parts by key: a key's part depends on key and seed alone. Where rows state their split, "heldout" is the test part, and
 * the others are divided into train and validation; a key with one such row is for testing altogether.
 * @throws ArmormError invalid_work when a part is empty
 */
export function splitPairs(
  rows: readonly EmbeddedRow[],
  { seed, validationShare, testShare }: PairSplit
): Record<Part, Int32Array> {
  const test = testKeys(rows, { seed, testShare })
  const share = statesSplit(rows) ? validationShare : testShare + validationShare
  const partOf = ({ key }: EmbeddedRow): Part => {
    if (test.has(key)) return 'test'
    return inValidation(key, seed ^ OWN_SPLIT, share) ? 'validation' : 'train'
  }
  const found = rows.map(partOf)
  const part = (wanted: Part): Int32Array => {
    const indices = Int32Array.from([...found.keys()].filter((i) => found[i] === wanted))
    if (indices.length > 0) return indices
    const what = `${rows.length} pairs leave none for the ${wanted} part`
    throw new ArmormError('invalid_work', `${what}; embed more preferences, or change stage2's shares or the seed`)
  }
  return { train: part('train'), validation: part('validation'), test: part('test') }
}

/**
 * Another split than that of the ratings, of the same seed: else the prompts for testing would be those that stage 1
 * chooses alpha by, and holding them out would leave it none.
 */
const OWN_SPLIT = 0x5bd1e995

type SplitRow = Pick<EmbeddedRow, 'key'> & { readonly split?: EmbeddedRow['split'] | undefined }

const statesSplit = (rows: readonly SplitRow[]): boolean => rows.some(({ split }) => split === 'heldout')

/** Keys of the test part, see `splitPairs`. */
export function testKeys(
  rows: readonly SplitRow[],
  { seed, testShare }: Pick<PairSplit, 'seed' | 'testShare'>
): Set<string> {
  const stated = statesSplit(rows)
  const chosen = rows.filter(({ key, split }) =>
    stated ? split === 'heldout' : inValidation(key, seed ^ OWN_SPLIT, testShare)
  )
  return new Set(chosen.map(({ key }) => key))
}

function checkFinite(rows: readonly EmbeddedRow[], ...tensors: (Float32Array | Float64Array)[]): void {
  for (const values of tensors) {
    const bad = values.findIndex((value) => !Number.isFinite(value))
    if (bad < 0) continue
    const { place } = rows[Math.floor(bad / (values.length / rows.length))]!
    throw new ArmormError('invalid_work', `the states of ${place} hold a value that is not finite`)
  }
}

/** Rows of a matrix. @returns `[indices.length, columns]` */
export function rowsOf(matrix: Float32Array, columns: number, indices: Int32Array): Float32Array {
  const taken = new Float32Array(indices.length * columns)
  indices.forEach((row, i) => taken.set(matrix.subarray(row * columns, (row + 1) * columns), i * columns))
  return taken
}
