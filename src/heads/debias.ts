/**
 * Takes the part that follows another objective, such as verbosity, out of ratings: adjusted_j = r_j - sum over removed
 * v of penalty_vj r_v, that is ratings [n, K] times a transform T [K, K] from the right, T[v, j] = -penalty_vj. The
 * penalties are as small as they can be with Spearman's correlation of adjusted_j with r_v under a threshold.
 * The rule `grid` is that of ArmoRM (arXiv 2406.12845) in the authors' stage-2 script.
 */
import { ranked, type Ranked, rankCorrelation } from './spearman.js'

/** Penalties that the authors' script tries. */
export const PENALTY_GRID: readonly number[] = [
  0, 0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8,
  0.85, 0.9, 0.95
]
/** What it takes where none of them is enough. */
export const GRID_FALLBACK = 1

/** Sweeps over the removed objectives before what still does not pass is given up. */
const MAX_SWEEPS = 50
/** Of the search for the smallest penalty, after which it is known to a billionth. */
const HALVINGS = 30

/** Share of an objective's standard deviation of which less is rounding error. */
const LEFT = 1e-7

export interface DebiasRule {
  readonly rule: 'grid' | 'bisect'
  /** Correlation that is allowed, 0..1. */
  readonly threshold: number
  /** `bisect` also lifts objectives that go against a removed one, by negative penalties. */
  readonly allowNegative: boolean
}

export interface Penalty {
  /** Index of the objective, and of the removed one. */
  readonly objective: number
  readonly removed: number
  readonly penalty: number
  /** Spearman's correlation of the objective with the removed one, raw and adjusted; NaN when the objective is constant. */
  readonly before: number
  readonly after: number
  /**
   * `passed`: between minus the threshold and the threshold; `negative`: below that, which no penalty of 0 or more can
   * change, or the grid does not look at; `failed`: above, or the correlation jumps from above to below, or nothing is
   * left of the objective.
   */
  readonly outcome: 'passed' | 'negative' | 'failed'
}

export interface Debiased {
  readonly penalties: readonly Penalty[]
  /** `[K, K]` T, applied from the right; columns of removed objectives are 0. */
  readonly transform: number[][]
}

/**
 * Chooses penalties on reference responses.
 *
 * With several removed objectives the penalties of one objective are found in turn, each with the others held, until
 * all correlations are under the threshold at once; `bisect` then aims at half the threshold, so that the turns end.
 * @param ratings raw ratings `[n]` of each objective
 * @param removed indices of objectives that are not constant, none twice
 */
export function debias(ratings: readonly Float64Array[], removed: readonly number[], rule: DebiasRule): Debiased {
  const transform = ratings.map((_, i) => ratings.map((_, j): number => (i === j && !removed.includes(i) ? 1 : 0)))
  const axes = removed.map((index): Axis => ({ values: ratings[index]!, ranked: ranked(ratings[index]!) }))
  const penalties = ratings.flatMap((values, objective) => {
    if (removed.includes(objective)) return []
    const found = penaltiesOf(values, axes, rule)
    found.forEach(({ penalty }, i) => (transform[removed[i]!]![objective] = penalty === 0 ? 0 : -penalty))
    return found.map((penalty, i) => ({ objective, removed: removed[i]!, ...penalty }))
  })
  return { penalties, transform }
}

/** Ratings times the transform, from the right: `[n]` of each objective. */
export function transformed(ratings: readonly Float64Array[], transform: readonly (readonly number[])[]) {
  return ratings.map((_, j) => {
    const column = new Float64Array(ratings[0]!.length)
    ratings.forEach((values, i) => subtract(column, -transform[i]![j]!, values))
    return column
  })
}

type Found = Omit<Penalty, 'objective' | 'removed'>

/** A removed objective. */
interface Axis {
  readonly values: Float64Array
  readonly ranked: Ranked
}

function subtract(target: Float64Array, penalty: number, values: Float64Array): void {
  if (penalty === 0) return
  for (let i = 0; i < target.length; i++) target[i]! -= penalty * values[i]!
}

/** Penalties of one objective for each removed one. */
function penaltiesOf(values: Float64Array, axes: readonly Axis[], rule: DebiasRule): Found[] {
  const aim = axes.length > 1 && rule.rule === 'bisect' ? rule.threshold / 2 : rule.threshold
  const penalties = axes.map(() => 0)
  const adjusted = (except?: number): Float64Array => {
    const result = values.slice()
    axes.forEach((axis, i) => i !== except && subtract(result, penalties[i]!, axis.values))
    return result
  }
  const correlations = (): number[] => {
    const all = ranked(adjusted())
    return axes.map((axis) => rankCorrelation(all, axis.ranked))
  }
  const before = correlations()
  let after = before
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    const last = [...penalties]
    axes.forEach((axis, i) => {
      const correlation = axes.length > 1 ? rankCorrelation(ranked(adjusted()), axis.ranked) : after[i]!
      if (!settled(correlation, penalties[i]!, rule)) penalties[i] = search(adjusted(i), axis, aim, rule)
    })
    if (penalties.every((penalty, i) => penalty === last[i])) break
    after = correlations()
    if (after.every((correlation) => Math.abs(correlation) <= rule.threshold)) break
  }
  const nothingLeft = deviation(adjusted()) < LEFT * deviation(values)
  return axes.map((_, i) => ({
    penalty: penalties[i]!,
    before: before[i]!,
    after: after[i]!,
    outcome: nothingLeft ? 'failed' : outcomeOf(after[i]!, penalties[i]!, rule)
  }))
}

/** Whether a search would change nothing; an adjusted rating that is constant (NaN) follows nobody. */
function settled(correlation: number, penalty: number, { threshold, allowNegative }: DebiasRule): boolean {
  if (correlation < -threshold) return penalty <= 0 && !allowNegative
  return !(correlation > threshold)
}

function outcomeOf(correlation: number, penalty: number, { rule, threshold }: DebiasRule): Penalty['outcome'] {
  if (correlation > threshold) return 'failed'
  if (!(correlation < -threshold)) return 'passed'
  // The authors' rule looks at one side only.
  return penalty === 0 || rule === 'grid' ? 'negative' : 'failed'
}

/** The penalty nearest to 0 that brings the correlation of `base` less penalty times the axis to the threshold. */
function search(base: Float64Array, axis: Axis, threshold: number, { rule, allowNegative }: DebiasRule): number {
  const correlation = (penalty: number): number => {
    const values = base.slice()
    subtract(values, penalty, axis.values)
    return rankCorrelation(ranked(values), axis.ranked)
  }
  if (rule === 'grid') return PENALTY_GRID.find((penalty) => correlation(penalty) <= threshold) ?? GRID_FALLBACK
  const start = correlation(0)
  const sign = start < 0 ? -1 : 1
  if (!(sign * start > threshold) || (sign < 0 && !allowNegative)) return 0
  // The more is taken off, the lower the correlation, ties aside: a pair of responses changes its order at most
  // once, and then to go against the axis. So halving finds the smallest penalty that is enough.
  const enough = (size: number): boolean => !(sign * correlation(sign * size) > threshold)
  let low = 0
  let high = deviation(base) / deviation(axis.values)
  while (!enough(high)) [low, high] = [high, 2 * high]
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (enough(middle)) high = middle
    else low = middle
  }
  return sign * high
}

/** Standard deviation. */
function deviation(values: Float64Array): number {
  let mean = 0
  for (const value of values) mean += value / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return Math.sqrt(squares / values.length)
}
