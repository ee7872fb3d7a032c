/** Stage 1: a linear head that predicts each objective's ratings from the state of the response. */
import { planGrams, RidgeSums } from '../../heads/ridge.js'
import { ArmormError } from '../../errors.js'
import { type EmbeddedIndex, readIndex, setFolder } from '../embedded-set.js'
import { MatrixProducts } from '../matrix-products.js'
import type { TrainLog } from '../log.js'
import { Stopwatch } from '../measure.js'
import { fingerprint } from '../work-files.js'
import { RowAccumulator } from './accumulator.js'
import { Evaluation, meanSquaredError, type Metrics, metricsOf } from './evaluation.js'
import { checkObjectives, chooseObjectives, type Objective, patternsOf } from './objectives.js'
import { type Stage1Result, type TrainedObjective, writeStage1 } from './result.js'
import { labelledShards } from './rows.js'
import type { DerivedObjective, Stage1Settings } from './settings.js'
import { type SplitRule, survey } from './survey.js'

/** Of the progress bar, what is done by the end of Gram matrices and of solving. */
const [GRAM_SHARE, SOLVED_SHARE] = [0.5, 0.8]

const decimals = (value: number | null): string => value?.toFixed(3) ?? 'undefined'

/** The settings that stage 1 depends on. */
export interface Stage1Options {
  readonly seed: number
  readonly objectives?: readonly string[] | undefined
  readonly derived?: readonly DerivedObjective[] | undefined
  readonly stage1: Stage1Settings
}

/** Of everything that decides the result of stage 1. */
export function stage1Fingerprint(
  { seed, objectives, derived, stage1 }: Stage1Options,
  ratings: EmbeddedIndex
): string {
  return fingerprint(ratings.fingerprint, { seed, objectives, derived, stage1 })
}

/** Weights of one objective for one alpha; null where alpha was too small to solve for. */
interface Candidate {
  readonly alpha: number
  readonly weights: Float64Array | null
  readonly trainError: number | null
}

/**
 * Trains on the ratings in the work folder, and writes stage1.json and stage1.safetensors there.
 * @throws ArmormError invalid_data naming what cannot be trained on; invalid_work; invalid_config
 */
export async function runStage1(work: string, options: Stage1Options, log: TrainLog): Promise<Stage1Result> {
  const folder = setFolder(work, 'ratings')
  const index = await readIndex(folder)
  const { hidden, objectives: rated = [] } = index
  const settings: Stage1Settings = { ...options.stage1, alphas: [...options.stage1.alphas].sort((a, b) => a - b) }
  const rule: SplitRule = { seed: options.seed, validation: settings.validation }
  const watch = new Stopwatch()

  const found = await watch.time('survey', () => survey(folder, rated.length, rule))
  const objectives = chooseObjectives(rated, options, found)
  checkObjectives(objectives, found, settings)
  const { train, validation, heldout } = found.rows
  log.line(
    `stage1: ${objectives.length} objectives; ${train} training, ${validation} validation, ${heldout} held-out rows`
  )

  const products = await MatrixProducts.open(hidden)
  try {
    const sums = new RidgeSums(planGrams(patternsOf(objectives, found)), hidden, objectives.length)
    const scratch = new Float64Array(hidden * hidden)
    const grams = { count: sums.grams.length, bytes: sums.bytes }
    const accumulator = new RowAccumulator(sums, products)
    const rows = () => labelledShards(folder, objectives, rated.length, rule)

    await watch.time('gram matrices', async () => {
      let seen = 0
      for await (const shard of rows()) {
        for (const row of shard.of('train')) await accumulator.add(row.state, row.labels)
        seen += shard.size
        log.progress((GRAM_SHARE * seen) / (train + validation + heldout), 'gram matrices')
      }
      await accumulator.finish()
    })
    const candidates = await watch.time('solve', () =>
      solveGrid(sums, settings.alphas, scratch, products, (done) =>
        log.progress(GRAM_SHARE + (SOLVED_SHARE - GRAM_SHARE) * done, 'solve')
      )
    )
    const evaluation = await watch.time('validate', async () => {
      const evaluation = new Evaluation(products, candidates.map(solved))
      for await (const shard of rows()) {
        const selected = [...shard.of('validation')]
        await evaluation.add(
          shard.states(selected),
          selected.map(({ labels }) => labels)
        )
        if (settings.refit) for (const row of selected) await accumulator.add(row.state, row.labels)
      }
      await accumulator.finish()
      return evaluation
    })
    const chosen = objectives.map((objective, i) => choose(objective, candidates[i]!, evaluation.objectives[i]!))
    const weights = settings.refit
      ? await watch.time('refit', () => refit(sums, chosen, scratch, products))
      : chosen.map(({ candidate }) => candidate.weights)
    // What is saved and served is float32.
    const final = weights.map((values) => Float64Array.from(Float32Array.from(values)))
    const held = await watch.time('held out', async () => {
      const evaluation = new Evaluation(
        products,
        final.map((values) => [values])
      )
      if (heldout === 0) return evaluation
      for await (const shard of rows()) {
        const selected = [...shard.of('heldout')]
        await evaluation.add(
          shard.states(selected),
          selected.map(({ labels }) => labels)
        )
      }
      return evaluation
    })
    const trained = objectives.map((objective, i): TrainedObjective => {
      const { labels, predicted } = held.objectives[i]!
      return describe(objective, chosen[i]!, sums.rows[i]!, metricsOf(labels, predicted[0]!))
    })
    const warnings = warningsOf(trained, settings.alphas)
    warnings.forEach((warning) => log.line(`stage1: ${warning}`))
    const result: Stage1Result = {
      format: 1,
      fingerprint: stage1Fingerprint(options, index),
      model: index.model,
      hidden,
      objectives: trained,
      derived: objectives.flatMap((objective) => {
        if (objective.kind === 'rated') return []
        const { name, from, low, high } = objective
        return [{ name, from, low, high }]
      }),
      split: { ...rule, rows: found.rows },
      settings,
      warnings,
      grams,
      parts: watch.parts
    }
    const weight = new Float32Array(objectives.length * hidden)
    final.forEach((values, i) => weight.set(values, i * hidden))
    await writeStage1(work, result, weight)
    for (const { name, alpha, rows, r2, spearman } of trained) {
      log.line(`stage1: ${name}: ${rows} rows, alpha ${alpha}, r2 ${decimals(r2)}, Spearman ${decimals(spearman)}`)
    }
    return result
  } finally {
    await products.close()
  }
}

/** Candidates of each objective, by ascending alpha. */
async function solveGrid(
  sums: RidgeSums,
  alphas: readonly number[],
  scratch: Float64Array,
  products: MatrixProducts,
  progress: (done: number) => void
): Promise<Candidate[][]> {
  const candidates: Candidate[][] = sums.targets.map(() => [])
  const { groups } = sums.plan
  for (const [at, group] of groups.entries()) {
    for (const alpha of alphas) {
      const weights = await sums.solve(group, alpha, scratch, products.product)
      const errors = weights && sums.errors(group, weights, scratch)
      group.objectives.forEach((objective, i) => {
        candidates[objective]!.push({ alpha, weights: weights?.[i] ?? null, trainError: errors?.[i] ?? null })
      })
    }
    progress((at + 1) / groups.length)
  }
  return candidates
}

const solved = (candidates: readonly Candidate[]): Float64Array[] =>
  candidates.flatMap(({ weights }) => (weights ? [weights] : []))

interface Choice {
  readonly candidate: { readonly alpha: number; readonly weights: Float64Array; readonly trainError: number }
  readonly validation: Metrics
  readonly grid: TrainedObjective['grid']
}

/** The candidate with the least squared error on validation rows; of equal ones that with the smallest alpha. */
function choose(
  { name }: Objective,
  candidates: readonly Candidate[],
  { labels, predicted }: Evaluation['objectives'][number]
): Choice {
  let best: { candidate: Choice['candidate']; predicted: readonly number[]; mse: number } | undefined
  let column = 0
  const grid = candidates.map(({ alpha, weights, trainError }) => {
    if (!weights || trainError === null) return { alpha, train_mse: null, mse: null }
    const values = predicted[column++]!
    const mse = meanSquaredError(labels, values)
    if (!best || mse < best.mse) best = { candidate: { alpha, weights, trainError }, predicted: values, mse }
    return { alpha, train_mse: trainError, mse }
  })
  if (!best) {
    const alpha = candidates.at(-1)?.alpha
    throw new ArmormError('invalid_data', `objective ${name}: no alpha is large enough to solve for, up to ${alpha}`)
  }
  return { candidate: best.candidate, validation: metricsOf(labels, best.predicted)!, grid }
}

/** Weights `[hidden]` of each objective, with its chosen alpha, on all rows that the sums have by now. */
async function refit(
  sums: RidgeSums,
  chosen: readonly Choice[],
  scratch: Float64Array,
  products: MatrixProducts
): Promise<Float64Array[]> {
  const weights = chosen.map(({ candidate }) => candidate.weights)
  for (const group of sums.plan.groups) {
    for (const alpha of new Set(group.objectives.map((objective) => chosen[objective]!.candidate.alpha))) {
      const solution = await sums.solve(group, alpha, scratch, products.product)
      // More rows make no system harder to solve than the one of which this alpha was chosen.
      if (!solution) throw new Error(`ridge regression could not be solved again for alpha ${alpha}`)
      group.objectives.forEach((objective, i) => {
        if (chosen[objective]!.candidate.alpha === alpha) weights[objective] = solution[i]!
      })
    }
  }
  return weights
}

function describe(objective: Objective, choice: Choice, rows: number, heldout: Metrics | null): TrainedObjective {
  const { candidate, validation, grid } = choice
  return {
    name: objective.name,
    source: objective.kind,
    alpha: candidate.alpha,
    rows,
    train_mse: candidate.trainError,
    validation_mse: validation.mse,
    validation_rows: validation.rows,
    r2: validation.r2,
    spearman: validation.spearman,
    heldout,
    grid
  }
}

function warningsOf(trained: readonly TrainedObjective[], alphas: readonly number[]): string[] {
  return trained.flatMap(({ name, alpha, r2 }) => [
    ...(alphas.length > 1 && alpha === alphas.at(-1)
      ? [`${name}: the largest alpha, ${alpha}, has the least error; larger ones may have less`]
      : []),
    ...(r2 !== null && r2 <= 0 ? [`${name}: no better than the mean of its labels on validation rows`] : [])
  ])
}
