/** Stage 1: a linear head that predicts each objective's ratings from the state of the response. */
import { planGrams, RidgeSums } from '../../heads/ridge.js'
import { type EmbeddedIndex, readIndex, setFolder } from '../embedded-set.js'
import { MatrixProducts } from '../matrix-products.js'
import type { TrainLog } from '../log.js'
import { Stopwatch } from '../measure.js'
import { type TestPrompts, testPrompts, testPromptsOf } from '../test-prompts.js'
import { fingerprint } from '../work-files.js'
import { RowAccumulator } from './accumulator.js'
import { Evaluation, type Metrics, metricsOf } from './evaluation.js'
import { type Choice, choose, refit, solved, solveGrid } from './grid.js'
import { checkObjectives, chooseObjectives, type Objective, patternsOf, rowsOf } from './objectives.js'
import { type Stage1Result, type TrainedObjective, writeStage1 } from './result.js'
import { labelledShards } from './rows.js'
import type { DerivedObjective, Stage1Settings } from './settings.js'
import { type Split, type SplitRule, survey } from './survey.js'

/** Of the progress bar, what is done by the end of Gram matrices and of solving. */
const [GRAM_SHARE, SOLVED_SHARE] = [0.5, 0.8]

const decimals = (value: number | null): string => value?.toFixed(3) ?? 'undefined'

/** The settings that stage 1 depends on. */
export interface Stage1Options {
  readonly seed: number
  readonly objectives?: readonly string[] | undefined
  readonly derived?: readonly DerivedObjective[] | undefined
  readonly stage1: Stage1Settings
  readonly hold_out_test_prompts: boolean
  readonly stage2: { readonly test_share: number }
}

/** Of everything that decides the result of stage 1. */
export function stage1Fingerprint(
  { seed, objectives, derived, stage1 }: Stage1Options,
  ratings: EmbeddedIndex,
  test: TestPrompts | undefined
): string {
  return fingerprint(ratings.fingerprint, { seed, objectives, derived, stage1, test: test?.fingerprint })
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
  const { seed } = options
  const testShare = options.hold_out_test_prompts ? options.stage2.test_share : undefined
  const heldOut = testShare === undefined ? new Set<string>() : await testPrompts(work, { seed, testShare })
  const test = testShare === undefined ? undefined : testPromptsOf(heldOut, testShare)
  const rule: SplitRule = { seed, validation: settings.validation, heldOut }
  const watch = new Stopwatch()

  const found = await watch.time('survey', () => survey(folder, rated.length, rule))
  const objectives = chooseObjectives(rated, options, found)
  checkObjectives(objectives, found, settings)
  const { train, validation, heldout } = found.rows
  log.line(
    `stage1: ${objectives.length} objectives; ${train} training, ${validation} validation, ${heldout} held-out rows`
  )
  if (heldOut.size > 0) log.line(`stage1: held out, as pairs of them are for testing: ${heldOut.size} prompts`)

  const left = options.objectives
    ? []
    : rated.filter((name) => !objectives.some((objective) => objective.name === name))
  if (left.length > 0) log.line(`stage1: without labels on rows that are not held out: ${left.join(', ')}`)

  const products = await MatrixProducts.open(hidden)
  try {
    const sums = new RidgeSums(planGrams(patternsOf(objectives, found)), hidden, objectives.length)
    const scratch = new Float64Array(hidden * hidden)
    const grams = { count: sums.grams.length, bytes: sums.bytes }
    const accumulator = new RowAccumulator(sums, products)
    const rows = () => labelledShards(folder, objectives, rated.length, rule)
    const evaluate = async (split: Split, candidates: readonly (readonly Float64Array[])[], alsoFit: boolean) => {
      const evaluation = new Evaluation(products, candidates)
      for await (const shard of rows()) {
        const selected = shard.of(split)
        const labels = selected.map((row) => row.labels)
        await evaluation.add(shard.states(selected), labels)
        if (alsoFit) for (const row of selected) await accumulator.add(row.state, row.labels)
      }
      await accumulator.finish()
      return evaluation.objectives
    }

    await watch.time('gram matrices', async () => {
      let seen = 0
      for await (const shard of rows()) {
        for (const row of shard.of('train')) await accumulator.add(row.state, row.labels)
        seen += shard.size
        log.progress((GRAM_SHARE * seen) / (train + validation + heldout), 'gram matrices')
      }
      await accumulator.finish()
    })
    const candidates = await watch.time('solve', () => {
      const progress = (done: number) => log.progress(GRAM_SHARE + (SOLVED_SHARE - GRAM_SHARE) * done, 'solve')
      return solveGrid(sums, settings.alphas, scratch, products, progress)
    })
    const predictions = await watch.time('validate', () =>
      evaluate('validation', candidates.map(solved), settings.refit)
    )
    const chosen = objectives.map(({ name }, i) => choose(name, candidates[i]!, predictions[i]!))
    const trainRows = objectives.map((objective) => rowsOf(objective, found).train)
    const refitted = settings.refit ? await watch.time('refit', () => refit(sums, chosen, scratch, products)) : []
    const weights = chosen.map(({ candidate }, i) => refitted[i] ?? candidate.weights)
    // What is saved and served is float32.
    const final = weights.map((values) => Float64Array.from(Float32Array.from(values)))
    const single = final.map((values) => [values])
    const held = heldout > 0 ? await watch.time('held out', () => evaluate('heldout', single, false)) : null
    const trained = objectives.map((objective, i): TrainedObjective => {
      const metrics = held && metricsOf(held[i]!.labels, held[i]!.predicted[0]!)
      return describe(objective, chosen[i]!, refitted[i] ? sums.rows[i]! : trainRows[i]!, metrics)
    })
    const notFitted = settings.refit ? trained.filter((_, i) => !refitted[i]) : []
    const warnings = [...warningsOf(trained, settings.alphas), ...notFitted.map(notRefitted)]
    warnings.forEach((warning) => log.line(`stage1: ${warning}`))
    const result: Stage1Result = {
      format: 1,
      fingerprint: stage1Fingerprint(options, index, test),
      model: index.model,
      hidden,
      objectives: trained,
      derived: objectives.flatMap((objective) => {
        if (objective.kind === 'rated') return []
        const { name, from, low, high } = objective
        return [{ name, from, low, high }]
      }),
      split: { seed, validation: settings.validation, rows: found.rows, ...(test && { test_prompts: test }) },
      settings,
      warnings,
      grams,
      parts: watch.parts
    }
    const weight = new Float32Array(objectives.length * hidden)
    final.forEach((values, i) => weight.set(values, i * hidden))
    const stored = await writeStage1(work, result, weight)
    for (const { name, alpha, rows, r2, spearman } of trained) {
      log.line(`stage1: ${name}: ${rows} rows, alpha ${alpha}, r2 ${decimals(r2)}, Spearman ${decimals(spearman)}`)
    }
    return stored
  } finally {
    await products.close()
  }
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

const notRefitted = ({ name, alpha }: TrainedObjective): string =>
  `${name}: alpha ${alpha} is too small to fit again with validation rows; its weights are those of training rows alone`

function warningsOf(trained: readonly TrainedObjective[], alphas: readonly number[]): string[] {
  return trained.flatMap(({ name, alpha, r2 }) => [
    ...(alphas.length > 1 && alpha === alphas.at(-1)
      ? [`${name}: the largest alpha, ${alpha}, has the least error; larger ones may have less`]
      : []),
    ...(r2 !== null && r2 <= 0 ? [`${name}: no better than the mean of its labels on validation rows`] : [])
  ])
}
