/** Ways to weigh objectives that need no gate: the same weights for every prompt. K objectives. */
import { outcome } from '../heads/bootstrap.js'
import { fitNonNegative } from '../heads/bradley-terry.js'
import { type PairSet, rowsOf } from './pairs.js'
import { weighed } from './stage2/weigher.js'

export interface SimpleWeights {
  readonly name: string
  /** `[K]` */
  readonly weights: Float64Array
  /** Whether they are for raw ratings, not for transformed ones. */
  readonly raw: boolean
}

export const UNIFORM = 'uniform gating'
export const PROMPT_INDEPENDENT = 'prompt-independent weights'
export const BEST_OBJECTIVE = 'best single objective'

/** Of the pairs' mean square, what keeps the weights of ratings that are alike from being arbitrary. */
const RIDGE = 1e-6

/**
 * Chosen on the training pairs:
 * - uniform gating: the mean of the transformed ratings;
 * - prompt-independent weights: a Bradley-Terry model on the transformed ratings with weights of 0 or more, which is a
 *   gate that sees no prompt, trained to the end;
 * - best single objective: the raw rating that orders most pairs rightly.
 */
export function simpleWeights(pairs: PairSet): SimpleWeights[] {
  const size = pairs.objectives.length
  const adjusted = rowsOf(pairs.adjusted, size, pairs.parts.train)
  const square = adjusted.reduce((sum, value) => sum + value * value, 0) / adjusted.length
  const one = (wanted: number) => Float64Array.from({ length: size }, (_, j) => (j === wanted ? 1 : 0))
  const wins = pairs.objectives.map((_, j) => accuracyOf(pairs, { weights: one(j), raw: true }, pairs.parts.train))
  const best = wins.indexOf(Math.max(...wins))
  return [
    { name: UNIFORM, weights: new Float64Array(size).fill(1 / size), raw: false },
    {
      name: PROMPT_INDEPENDENT,
      weights: fitNonNegative({ differences: adjusted, features: size }, Math.max(RIDGE * square, 1e-12)),
      raw: false
    },
    { name: BEST_OBJECTIVE, weights: one(best), raw: true }
  ]
}

/** Margins of some of the pairs: `[rows.length]`. */
export function simpleMargins(
  pairs: PairSet,
  { weights, raw }: Pick<SimpleWeights, 'weights' | 'raw'>,
  rows: Int32Array
): Float64Array {
  const size = pairs.objectives.length
  const repeated = new Float64Array(rows.length * size)
  for (let i = 0; i < rows.length; i++) repeated.set(weights, i * size)
  return weighed(repeated, raw ? pairs.ratings : pairs.adjusted, size, rows)
}

/** Share of the pairs that are ordered rightly, a tie counting half. */
export function accuracyOf(pairs: PairSet, simple: Pick<SimpleWeights, 'weights' | 'raw'>, rows: Int32Array): number {
  return simpleMargins(pairs, simple, rows).reduce((sum, margin) => sum + outcome(margin), 0) / rows.length
}
