/** Debiasing: the transform of ratings that takes out what follows the removed objectives, such as verbosity. */
import { existsSync } from 'node:fs'
import { ArmormError } from '../../errors.js'
import { debias, type Penalty, transformed } from '../../heads/debias.js'
import { correlationMatrix } from '../../heads/spearman.js'
import { type EmbeddedIndex, readIndex, setFolder, type SetName, shards } from '../embedded-set.js'
import { MatrixProducts } from '../matrix-products.js'
import type { TrainLog } from '../log.js'
import { Stopwatch } from '../measure.js'
import { readStage1, type Stage1Result } from '../stage1/result.js'
import { testPrompts } from '../test-prompts.js'
import { fingerprint } from '../work-files.js'
import { type DebiasResult, writeDebias } from './result.js'
import type { DebiasSettings } from './settings.js'

/** The states of responses, by set. */
const RESPONSES = {
  reference: ['response_states'],
  preferences: ['chosen_states', 'rejected_states']
} as const

/** Of everything that decides the result. */
export function debiasFingerprint(settings: DebiasSettings, stage1: Stage1Result, reference: EmbeddedIndex): string {
  return fingerprint(settings, stage1.fingerprint, reference.set, reference.fingerprint)
}

/** The set whose responses debiasing looks at: the reference set, or where there is none the preferences. */
export function referenceSet(work: string): keyof typeof RESPONSES {
  return existsSync(setFolder(work, 'reference')) ? 'reference' : 'preferences'
}

/**
 * Chooses the transform from ratings of the reference responses, and writes debias.json to the work folder.
 * @throws as `findTransform`
 */
export async function runDebias(
  work: string,
  { debias: settings }: { readonly debias: DebiasSettings },
  log: TrainLog
): Promise<DebiasResult> {
  const result = await findTransform(work, settings, log)
  await writeDebias(work, result)
  return result
}

/**
 * The same without writing it.
 * @param set whose responses are looked at
 * @throws ArmormError invalid_config naming an unknown objective; invalid_data naming one that cannot be removed;
 *   invalid_work
 */
export async function findTransform(
  work: string,
  settings: DebiasSettings,
  log: TrainLog,
  set = referenceSet(work)
): Promise<DebiasResult> {
  const { result: stage1, weight } = await readStage1(work)
  const index = await readIndex(setFolder(work, set))
  if (index.hidden !== stage1.hidden || index.model.revision !== stage1.model.revision) {
    throw new ArmormError('invalid_work', `${setFolder(work, set)} is not of the model that stage 1 was trained on`)
  }
  const names = stage1.objectives.map(({ name }) => name)
  const removed = settings.removed.map((name) => indexOf(names, name))
  if (removed.length === names.length) {
    throw new ArmormError('invalid_config', 'debias.removed names all objectives, so that none is left')
  }
  const watch = new Stopwatch()
  const { seed, test_prompts: test } = stage1.split
  const heldOut = test ? await testPrompts(work, { seed, testShare: test.share }) : new Set<string>()
  const ratings = await watch.time('rate', () => rate(work, set, weight, names.length, index, heldOut))
  const responses = ratings[0]!.length
  log.line(
    `debias: ${responses} responses of the ${set}${set === 'preferences' ? ', as there is no reference set' : ''}`
  )
  checkRatings(ratings, names, removed, set)

  const { threshold, rule, allow_negative } = settings
  const { penalties, transform } = await watch.time('penalties', async () =>
    debias(ratings, removed, { threshold, rule, allowNegative: allow_negative })
  )
  const correlation = await watch.time('correlations', async () => {
    const adjusted = transformed(ratings, transform).map((values, i) => (removed.includes(i) ? ratings[i]! : values))
    return { before: nullable(correlationMatrix(ratings)), after: nullable(correlationMatrix(adjusted)) }
  })
  const warnings = [...precision(responses, threshold), ...penalties.flatMap((found) => remark(found, names, settings))]
  warnings.forEach((warning) => log.line(`debias: ${warning}`))
  const result: DebiasResult = {
    format: 1,
    fingerprint: debiasFingerprint(settings, stage1, index),
    stage1: stage1.fingerprint,
    objectives: names,
    removed: settings.removed,
    threshold,
    rule,
    allow_negative,
    reference: { set, responses },
    penalties: penalties.map((found) => ({
      objective: names[found.objective]!,
      removed: names[found.removed]!,
      penalty: found.penalty,
      correlation_before: finite(found.before),
      correlation_after: finite(found.after),
      outcome: found.outcome
    })),
    transform,
    correlation,
    warnings,
    parts: watch.parts
  }
  for (const found of result.penalties) {
    const [before, after] = [found.correlation_before, found.correlation_after].map((c) => c?.toFixed(3) ?? 'undefined')
    log.line(`debias: ${found.objective} less ${found.penalty.toFixed(3)} ${found.removed}: ${before} to ${after}`)
  }
  return result
}

function indexOf(names: readonly string[], name: string): number {
  const index = names.indexOf(name)
  if (index >= 0) return index
  const known = names.join(', ')
  throw new ArmormError('invalid_config', `debias.removed names ${name}, which stage 1 has not trained (${known})`)
}

/** Raw ratings `[responses]` of each objective; rows that the data hold out, or whose key is held out, are left out. */
async function rate(
  work: string,
  set: keyof typeof RESPONSES,
  weight: Float32Array,
  objectives: number,
  { hidden }: EmbeddedIndex,
  heldOut: ReadonlySet<string>
): Promise<Float64Array[]> {
  const products = await MatrixProducts.open(hidden)
  try {
    const pieces: Float64Array[] = []
    for await (const { rows, tensors } of shards(setFolder(work, set), RESPONSES[set])) {
      const kept = rows.flatMap(({ key, split }, i) => (split === 'heldout' || heldOut.has(key) ? [] : [i]))
      if (kept.length === 0) continue
      for (const name of RESPONSES[set]) {
        const states = new Float32Array(kept.length * hidden)
        kept.forEach((row, i) => states.set(tensors[name]!.subarray(row * hidden, (row + 1) * hidden), i * hidden))
        const ratings = await products.ratings(states, Float64Array.from(weight))
        const bad = ratings.findIndex((rating) => !Number.isFinite(rating))
        if (bad >= 0) {
          const { place } = rows[kept[Math.floor(bad / objectives)]!]!
          throw new ArmormError('invalid_data', `the state of a response of ${place} is not finite`)
        }
        pieces.push(ratings)
      }
    }
    const total = pieces.reduce((sum, { length }) => sum + length, 0) / objectives
    const columns = Array.from({ length: objectives }, () => new Float64Array(total))
    let row = 0
    for (const piece of pieces) {
      for (let i = 0; i < piece.length; i++) columns[i % objectives]![row + Math.floor(i / objectives)] = piece[i]!
      row += piece.length / objectives
    }
    return columns
  } finally {
    await products.close()
  }
}

/** @throws ArmormError invalid_data */
function checkRatings(
  ratings: readonly Float64Array[],
  names: readonly string[],
  removed: readonly number[],
  set: SetName
): void {
  if (ratings[0]!.length < 2) throw new ArmormError('invalid_data', `the ${set} have too few responses to debias by`)
  for (const index of removed) {
    const values = ratings[index]!
    if (values.some((value) => value !== values[0])) continue
    throw new ArmormError('invalid_data', `${names[index]} cannot be removed: it rates all ${set} the same`)
  }
}

/** Correlations of unrelated ratings scatter by about 1 / sqrt(n - 1). */
function precision(responses: number, threshold: number): string[] {
  const scatter = 1 / Math.sqrt(responses - 1)
  if (scatter <= threshold) return []
  return [`${responses} responses tell correlations to about ${scatter.toFixed(2)} only, the threshold is ${threshold}`]
}

function remark(found: Penalty, names: readonly string[], { allow_negative }: DebiasSettings): string[] {
  const what = `correlation of ${names[found.objective]} with ${names[found.removed]}`
  const number = found.after.toFixed(3)
  if (found.outcome === 'failed') return [`${what} is ${number}: no penalty brings it to the threshold`]
  if (found.outcome === 'negative' && !allow_negative) return [`${what} is ${number}, below the threshold's other side`]
  return []
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
const nullable = (matrix: readonly (readonly number[])[]) => matrix.map((row) => row.map(finite))
