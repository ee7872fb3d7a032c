/** Stage 2: the gate, trained on preferences with the ratings of stage 1 and the transform of debiasing. */
import { usableThreads } from '../../engine/threads.js'
import { gateStatistics } from '../../heads/gate-statistics.js'
import type { TrainLog } from '../log.js'
import type { MadeFrom } from '../made-from.js'
import { loadPairs, type PairSet, type PairSplit, rowsOf } from '../pairs.js'
import { readRatingHead } from '../rating-head.js'
import { accuracyOf, simpleWeights } from '../simple-weights.js'
import { fingerprint } from '../work-files.js'
import { gateWarnings } from './monitors.js'
import { type MeanWeights, type Stage2Result, writeStage2 } from './result.js'
import type { GateSettings, Stage2Settings } from './settings.js'
import { type CurvePoint, type GateData, trainGate, type TrainedGate } from './train-gate.js'
import { weighOnce } from './weigher.js'
import { mean } from '../../heads/statistics.js'
import { percent } from '../percent.js'

export interface Stage2Options {
  /** Of every split, and of the gate where `stage2.seeds` has none. */
  readonly seed: number
  readonly stage2: Stage2Settings
}

export const pairSplit = ({ seed, stage2 }: Stage2Options): PairSplit => ({
  seed,
  validationShare: stage2.validation_share,
  testShare: stage2.test_share
})

/** Of everything that decides the result. */
export function stage2Fingerprint({ stage1, debias, preferences }: MadeFrom, { seed, stage2 }: Stage2Options): string {
  return fingerprint(seed, { ...stage2, ablations: undefined }, [stage1, debias], preferences)
}

/**
 * Trains a gate for each seed, keeps the best, and writes gating.safetensors and stage2.json.
 * @throws ArmormError invalid_work, invalid_config
 */
export async function runStage2(work: string, options: Stage2Options, log: TrainLog): Promise<Stage2Result> {
  const started = performance.now()
  const { stage2, seed } = options
  const threads = usableThreads()
  const pairs = await loadPairs(work, await readRatingHead(work), pairSplit(options), false)
  const { train, validation, test } = pairs.parts
  log.line(`stage2: ${train.length} pairs to train on, ${validation.length} to choose by, ${test.length} to test with`)
  const data = gateData(pairs, stage2)
  const seeds = stage2.seeds.length > 0 ? stage2.seeds : [seed]
  const trained: { seed: number; gate: TrainedGate }[] = []
  const trainingStarted = performance.now()
  for (const [index, gateSeed] of seeds.entries()) {
    const gate = await trainGate(data, stage2, gateSeed, threads, (point) => {
      log.progress((index + point.step / stage2.steps) / seeds.length, 'stage2')
      log.line(`stage2: ${described(point)}`)
    })
    trained.push({ seed: gateSeed, gate })
  }
  const trainingSeconds = (performance.now() - trainingStarted) / 1000
  const steps = trained.reduce((sum, { gate }) => sum + gate.curve.at(-1)!.step, 0)
  const kept = trained.reduce((best, one) => (rank(one.gate.best, stage2) < rank(best.gate.best, stage2) ? one : best))
  const { gate } = kept
  const simpler = Object.fromEntries(
    simpleWeights(pairs).map((simple) => [simple.name, accuracyOf(pairs, simple, validation)])
  )
  const result: Stage2Result = {
    format: 1,
    fingerprint: stage2Fingerprint(pairs.madeFrom, options),
    made_from: pairs.madeFrom,
    settings: gateSettings(stage2),
    seed: kept.seed,
    shape: gate.shape,
    objectives: pairs.objectives,
    split: {
      seed,
      validation_share: stage2.validation_share,
      test_share: stage2.test_share,
      pairs: { train: train.length, validation: validation.length, test: test.length }
    },
    first_logit_scale: gate.firstScale,
    logit_scale: gate.weights['logit_scale']![0]!,
    curve: gate.curve,
    best: gate.best,
    stopped_early: gate.stoppedEarly,
    seeds: trained.map((one) => ({ seed: one.seed, best: one.gate.best })),
    simpler,
    warnings: gateWarnings(gate.curve, gate.best, simpler),
    weights: await meanWeights(pairs, gate, stage2.temperature),
    seconds: (performance.now() - started) / 1000,
    steps_per_second: steps / trainingSeconds
  }
  const stored = await writeStage2(work, result, gate.weights)
  log.line(`stage2: kept the gate of step ${gate.best.step}${seeds.length > 1 ? `, seed ${kept.seed}` : ''}`)
  for (const { sign, message } of result.warnings) log.line(`stage2: warning: ${sign}: ${message}`)
  return stored
}

/** Smaller is better. */
const rank = (point: CurvePoint, { keep }: GateSettings): number =>
  keep === 'loss' ? point.validation_loss : -point.validation_accuracy

function described(point: CurvePoint): string {
  const loss = point.loss === null ? '' : `loss ${point.loss.toFixed(4)}, `
  const validation = `validation ${point.validation_loss.toFixed(4)}, accuracy ${percent(point.validation_accuracy)}`
  return `step ${point.step}: ${loss}${validation}, entropy ${point.entropy.toFixed(3)}, top share ${point.top_share.toFixed(3)}`
}

/** Without what is not of a single gate. */
export function gateSettings({
  validation_share: _validation,
  test_share: _test,
  seeds: _seeds,
  ablations: _ablations,
  ...gate
}: Stage2Settings): GateSettings {
  return gate
}

/** The smallest weight of a pair beside the mean's. */
const LEAST = 0.01

/** What the gate is trained with. */
export function gateData(pairs: PairSet, { margins }: Pick<GateSettings, 'margins'>): GateData {
  const weights = new Float32Array(pairs.rows.length).fill(1)
  const stated = pairs.rows.flatMap(({ margin }) => (margin === undefined ? [] : [Math.abs(margin)]))
  const usual = mean(stated)
  if (margins === 'weigh' && usual > 0) {
    pairs.rows.forEach(({ margin }, i) => {
      if (margin !== undefined) weights[i] = Math.max(LEAST, Math.abs(margin) / usual)
    })
  }
  return {
    hidden: pairs.hidden,
    objectives: pairs.objectives.length,
    states: pairs.promptStates,
    differences: pairs.adjusted,
    weights,
    train: pairs.parts.train,
    validation: pairs.parts.validation
  }
}

async function meanWeights(pairs: PairSet, gate: TrainedGate, temperature: number): Promise<Stage2Result['weights']> {
  const rows = Int32Array.from([...pairs.parts.validation, ...pairs.parts.test])
  const size = pairs.objectives.length
  const weights = await weighOnce(gate.shape, temperature, gate.weights, pairs.promptStates, rows)
  const summary = (places: readonly number[]): MeanWeights => {
    const of = rowsOf(weights, size, Int32Array.from(places))
    const { mean, entropy, topShare } = gateStatistics(of, size)
    return { pairs: places.length, weights: [...mean], entropy, top_share: topShare }
  }
  // A map: names of data may be those that every object has.
  const categories = new Map<string, number[]>()
  rows.forEach((row, i) => {
    const { category } = pairs.rows[row]!
    if (category === undefined) return
    if (!categories.has(category)) categories.set(category, [])
    categories.get(category)!.push(i)
  })
  return {
    all: summary([...rows.keys()]),
    categories: Object.fromEntries([...categories].map(([name, places]) => [name, summary(places)]))
  }
}
