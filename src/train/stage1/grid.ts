/** Weights for each alpha of the grid, and the choice among them. */
import { ArmormError } from '../../errors.js'
import type { RidgeSums } from '../../heads/ridge.js'
import type { MatrixProducts } from '../matrix-products.js'
import { meanSquaredError, type Metrics, metricsOf, type Predictions } from './evaluation.js'
import type { TrainedObjective } from './result.js'

/** Weights of one objective for one alpha; null where alpha was too small to solve for. */
export interface Candidate {
  readonly alpha: number
  readonly weights: Float64Array | null
  readonly trainError: number | null
}

/** Candidates of each objective, by ascending alpha. */
export async function solveGrid(
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

export const solved = (candidates: readonly Candidate[]): Float64Array[] =>
  candidates.flatMap(({ weights }) => (weights ? [weights] : []))

export interface Choice {
  readonly candidate: { readonly alpha: number; readonly weights: Float64Array; readonly trainError: number }
  readonly validation: Metrics
  readonly grid: TrainedObjective['grid']
}

/** The candidate with the least squared error on validation rows; of equal ones that with the smallest alpha. */
export function choose(name: string, candidates: readonly Candidate[], { labels, predicted }: Predictions): Choice {
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

/**
 * Weights `[hidden]` of each objective, with its chosen alpha, on all rows that the sums have by now; null where alpha is
 * too small for these: rows that are much larger than those before leave less of it to float64's precision.
 */
export async function refit(
  sums: RidgeSums,
  chosen: readonly Choice[],
  scratch: Float64Array,
  products: MatrixProducts
): Promise<(Float64Array | null)[]> {
  const weights: (Float64Array | null)[] = chosen.map(() => null)
  for (const group of sums.plan.groups) {
    for (const alpha of new Set(group.objectives.map((objective) => chosen[objective]!.candidate.alpha))) {
      const solution = await sums.solve(group, alpha, scratch, products.product)
      if (!solution) continue
      group.objectives.forEach((objective, i) => {
        if (chosen[objective]!.candidate.alpha === alpha) weights[objective] = solution[i]!
      })
    }
  }
  return weights
}
