/** Ablations: gates with one thing changed, compared on the validation pairs, which choices are made by. */
import { join } from 'node:path'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { schemaProblem } from '../../bundle/schema-problem.js'
import { usableThreads } from '../../engine/threads.js'
import { ArmormError } from '../../errors.js'
import type { BaselinesSettings } from '../baselines/settings.js'
import { compare, type ComparedRow } from '../compare.js'
import { comparisonTable } from '../comparison-table.js'
import { findTransform } from '../debias/debias.js'
import { DebiasSettings } from '../debias/settings.js'
import type { TrainLog } from '../log.js'
import type { MadeFrom } from '../made-from.js'
import { adjust, loadPairs, type PairSet } from '../pairs.js'
import { readRatingHead } from '../rating-head.js'
import { writeJson } from '../work-files.js'
import { type Ablation, GateSettings } from './settings.js'
import { gateData, gateSettings, pairSplit, type Stage2Options } from './stage2.js'
import { type CurvePoint, trainGate } from './train-gate.js'
import { weighed, weighOnce } from './weigher.js'

export const ABLATIONS_FILE = 'ablations.json'
/** Name of the row without a change, with which the others are compared. */
export const AS_SET = 'as set'

export interface AblationOptions extends Stage2Options {
  readonly debias: DebiasSettings
  readonly baselines: Pick<BaselinesSettings, 'resamples' | 'confidence'>
}

export interface AblationRow extends ComparedRow {
  readonly changes: Pick<Ablation, 'stage2' | 'debias' | 'reference'>
  /** The best look of each seed. */
  readonly runs: readonly Omit<Run, 'margins'>[]
}

interface Run {
  readonly seed: number
  readonly best: CurvePoint
  /** Of the validation pairs. */
  readonly margins: Float64Array
}

export interface AblationsResult {
  readonly format: 1
  readonly made_from?: MadeFrom
  readonly settings: GateSettings
  readonly rows: readonly AblationRow[]
  readonly seconds: number
}

/**
 * Trains `stage2.ablations`, each with all seeds, and writes ablations.json.
 * @throws ArmormError invalid_config naming the ablation; invalid_work
 */
export async function runAblations(work: string, options: AblationOptions, log: TrainLog): Promise<AblationsResult> {
  const started = performance.now()
  const { seed, stage2, baselines } = options
  const seeds = stage2.seeds.length > 0 ? stage2.seeds : [seed]
  const settings = gateSettings(stage2)
  const variants: Ablation[] = [{ name: AS_SET }, ...stage2.ablations]
  // Before any is trained: what is wrong with the last should not be found after hours.
  const checked = variants.map((variant) => ({
    ...variant,
    gate: changed(GateSettings, 'stage2', settings, variant),
    debiasing: changed(DebiasSettings, 'debias', options.debias, variant)
  }))
  const pairs = await loadPairs(work, await readRatingHead(work), pairSplit(options), false)
  const trained: { name: string; runs: Run[] }[] = []
  for (const [index, { name, gate, debias, debiasing, reference }] of checked.entries()) {
    let variantPairs = pairs
    if (debias || reference) {
      const { transform } = await findTransform(work, debiasing, log, reference)
      variantPairs = { ...pairs, adjusted: adjust(pairs.ratings, transform) }
    }
    const runs: Run[] = []
    for (const [run, gateSeed] of seeds.entries()) {
      runs.push(await trainVariant(variantPairs, gate, gateSeed))
      log.progress((index + (run + 1) / seeds.length) / variants.length, `ablate: ${name}`)
    }
    trained.push({ name, runs })
  }
  const ways = trained.map(({ name, runs }) => ({ name, margins: runs.map(({ margins }) => margins) }))
  const compared = compare(pairs.rows, pairs.parts.validation, ways, { ...baselines, seed })
  const rows = compared.map((row, i): AblationRow => {
    const { stage2, debias, reference } = variants[i]!
    const changes = { ...(stage2 && { stage2 }), ...(debias && { debias }), ...(reference && { reference }) }
    return { ...row, changes, runs: trained[i]!.runs.map(({ seed, best }) => ({ seed, best })) }
  })
  for (const line of comparisonTable(rows, 'validation', baselines.confidence)) log.line(line)
  const seconds = (performance.now() - started) / 1000
  const result: AblationsResult = { format: 1, made_from: pairs.madeFrom, settings, rows, seconds }
  await writeJson(join(work, ABLATIONS_FILE), result)
  return result
}

/**
 * A section with an ablation's changes.
 * @throws ArmormError invalid_config naming the ablation and the key
 */
function changed<S extends TSchema>(
  schema: S,
  section: 'stage2' | 'debias',
  base: Static<S>,
  variant: Ablation
): Static<S> {
  const settings = { ...(base as object), ...variant[section] }
  if (Value.Check(schema, settings)) return settings
  const problem = schemaProblem(Value.Errors(schema, settings))
  throw new ArmormError('invalid_config', `ablation ${JSON.stringify(variant.name)}: /${section}${problem}`)
}

async function trainVariant(pairs: PairSet, settings: GateSettings, seed: number): Promise<Run> {
  const { shape, weights, best } = await trainGate(gateData(pairs, settings), settings, seed, usableThreads())
  const { validation } = pairs.parts
  const found = await weighOnce(shape, settings.temperature, weights, pairs.promptStates, validation)
  return { seed, best, margins: weighed(found, pairs.adjusted, shape.objectives, validation) }
}
