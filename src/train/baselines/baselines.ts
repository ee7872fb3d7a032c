/** What a gate has to be better than, trained beside it and compared on pairs that nothing was chosen by. */
import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { margins } from '../../heads/bradley-terry.js'
import { type PerResponse, rowShards, setFolder } from '../embedded-set.js'
import { compare, type ComparedRow, type Way } from '../compare.js'
import { comparisonTable } from '../comparison-table.js'
import type { TrainLog } from '../log.js'
import { checkMadeFrom } from '../made-from.js'
import { loadPairs, type PairSet } from '../pairs.js'
import { points } from '../percent.js'
import { type RatingHead, readRatingHead } from '../rating-head.js'
import { BEST_OBJECTIVE, PROMPT_INDEPENDENT, simpleMargins, simpleWeights } from '../simple-weights.js'
import type { Warning } from '../stage2/monitors.js'
import { readStage2, STAGE2_FILE } from '../stage2/result.js'
import { weighed, weighOnce } from '../stage2/weigher.js'
import { testPromptsOf } from '../test-prompts.js'
import { fingerprint } from '../work-files.js'
import { fitLinearHead, type LinearHead, MAX_ITERATIONS } from './linear-head.js'
import { otherHeadsMargins } from './other-heads.js'
import { type BaselinesResult, writeBaselines } from './result.js'
import type { BaselinesSettings } from './settings.js'

export const GATING = 'gating'
const LINEAR = 'Bradley-Terry linear head'

/**
 * Trains the baselines on stage 2's split, compares them with its gate on the test pairs, writes baselines.json and
 * prints the table.
 * @throws ArmormError invalid_work
 */
export async function runBaselines(
  work: string,
  { baselines: settings }: { readonly baselines: BaselinesSettings },
  log: TrainLog
): Promise<BaselinesResult> {
  const started = performance.now()
  const { result: stage2, gate } = await readStage2(work)
  const split = {
    seed: stage2.split.seed,
    validationShare: stage2.split.validation_share,
    testShare: stage2.split.test_share
  }
  const head = await readRatingHead(work)
  const pairs = await loadPairs(work, head, split, true)
  checkMadeFrom(join(work, STAGE2_FILE), stage2.made_from, pairs.madeFrom)
  const { test } = pairs.parts
  const weights = await weighOnce(stage2.shape, stage2.settings.temperature, gate, pairs.promptStates, test)
  const linear = await linearWay(pairs, settings, log)
  const ways: Way[] = [
    { name: GATING, margins: [weighed(weights, pairs.adjusted, pairs.objectives.length, test)] },
    ...simpleWays(pairs),
    linear.way,
    { name: 'longer is better (characters)', margins: [lengthMargins(pairs, ({ characters }) => characters)] },
    { name: 'longer is better (tokens)', margins: [lengthMargins(pairs, ({ tokens }) => tokens)] },
    ...(await otherWays(pairs, settings))
  ]
  const rows = compare(pairs.rows, test, ways, { ...settings, seed: split.seed })
  const result: BaselinesResult = {
    format: 1,
    fingerprint: fingerprint(settings, stage2.fingerprint),
    settings,
    rows,
    rated_prompts: await ratedPrompts(work, pairs, head),
    warnings: [...linear.warnings, ...notBetter(rows)],
    seconds: (performance.now() - started) / 1000
  }
  await writeBaselines(work, result)
  for (const line of comparisonTable(rows, 'test', settings.confidence)) log.line(line)
  if (result.rated_prompts > 0) {
    const share = `${result.rated_prompts} of ${test.length} test pairs`
    log.line(`baselines: ${share} have a prompt that is rated too: stage 1 may have seen it`)
  }
  for (const { sign, message } of result.warnings) log.line(`baselines: warning: ${sign}: ${message}`)
  return result
}

function simpleWays(pairs: PairSet): Way[] {
  return simpleWeights(pairs).map((simple) => {
    const way = { name: simple.name, margins: [simpleMargins(pairs, simple, pairs.parts.test)] }
    if (simple.name === BEST_OBJECTIVE) {
      return { ...way, chosen: { objective: pairs.objectives[simple.weights.indexOf(1)]! } }
    }
    if (simple.name !== PROMPT_INDEPENDENT) return way
    return { ...way, chosen: Object.fromEntries(pairs.objectives.map((name, j) => [name, simple.weights[j]!])) }
  })
}

async function linearWay(
  pairs: PairSet,
  { l2 }: BaselinesSettings,
  log: TrainLog
): Promise<{ way: Way; warnings: Warning[] }> {
  const head = await fitLinearHead(pairs, l2, (done) => log.progress(done / l2.length, 'baselines: linear head'))
  const test = { differences: pairs.states, features: pairs.hidden, rows: pairs.parts.test }
  const chosen = { l2: head.l2, grid: head.grid }
  const way = { name: LINEAR, margins: [margins(test, head.weights)], chosen }
  return { way, warnings: unfinished(head) }
}

/** A baseline that is not as good as it could be makes the gate look better than it is. */
export function unfinished({ l2, grid }: Pick<LinearHead, 'l2' | 'grid'>): Warning[] {
  if (grid.find((tried) => tried.l2 === l2)?.converged !== false) return []
  const message = `the fit of ${LINEAR} with L2 ${l2} did not reach its tolerance in ${MAX_ITERATIONS} steps: it may be better than it looks`
  return [{ sign: 'unfinished_baseline', message }]
}

async function otherWays(pairs: PairSet, { compare: folders }: BaselinesSettings): Promise<Way[]> {
  const ways: Way[] = []
  for (const folder of folders) {
    const name = `heads of ${basename(resolve(folder))}`
    ways.push({ name, margins: [await otherHeadsMargins(folder, pairs)] })
  }
  return ways
}

function lengthMargins(pairs: PairSet, length: (row: PairSet['rows'][number]) => PerResponse): Float64Array {
  return Float64Array.from(pairs.parts.test, (row) => {
    const [chosen, rejected] = length(pairs.rows[row]!) as readonly [number, number]
    return chosen - rejected
  })
}

/** Baselines that the gate does not beat beyond doubt. */
function notBetter(rows: readonly ComparedRow[]): Warning[] {
  return rows.slice(1).flatMap(({ name, difference: gain }): Warning[] => {
    if (gain.low > 0) return []
    const interval = `${points(gain.low)} to ${points(gain.high)}`
    const what = gain.high < 0 ? 'is worse than' : gain.difference > 0 ? 'may be no better than' : 'is no better than'
    const message = `on the test pairs the gate ${what} ${name}: ${points(gain.difference)} points (${interval})`
    return [{ sign: 'not_better_than_baselines', message }]
  })
}

/** Test pairs whose prompt is among the ratings, other than those that the data, or stage 1, hold out. */
async function ratedPrompts(work: string, pairs: PairSet, { testPrompts }: RatingHead): Promise<number> {
  const folder = setFolder(work, 'ratings')
  if (!existsSync(folder)) return 0
  const tested = new Set(Array.from(pairs.parts.test, (row) => pairs.rows[row]!.key))
  if (testPrompts?.fingerprint === testPromptsOf(tested, 0).fingerprint) return 0
  const rated = new Set<string>()
  for await (const rows of rowShards(folder)) for (const { key, split } of rows) if (split !== 'heldout') rated.add(key)
  return pairs.parts.test.reduce((count, row) => count + (rated.has(pairs.rows[row]!.key) ? 1 : 0), 0)
}
