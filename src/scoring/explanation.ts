/**
 * The mathematics of an explanation (arXiv 2406.12845, section 3), in float64 over the heads' float32 outputs:
 *
 *     adjusted_j     = sum_i rating_i T[i][j]
 *     contribution_j = gating_j adjusted_j                score = sum_j contribution_j
 *     coefficient_i  = sum_j gating_j T[i][j]             score = sum_i coefficient_i rating_i
 *
 * Pure functions; K is the number of objectives.
 */
import type { Objective } from '../bundle/manifest.js'
import type { HeadValues } from '../scheduling/rated-sequence.js'

/** What a model's heads are made of, as far as explanations need it. */
export interface HeadsDescription {
  /** `[K]` */
  readonly objectives: readonly Objective[]
  /** `[K][K]`, adjusted_j = sum_i rating_i * transform[i][j]. */
  readonly transform: readonly (readonly number[])[]
  /** What the gating weights sum to. */
  readonly logitScale: number
}

export interface ObjectiveExplanation {
  readonly name: string
  readonly sourceSet: string | null
  readonly rating: number
  /** The rating on the scale of its data set, where that scale is known. */
  readonly native: { readonly value: number; readonly low: number; readonly high: number } | null
  /** What the reward transform took out: rating - adjusted. */
  readonly removed: number
  readonly adjusted: number
  readonly gating: number
  /** gating * adjusted; over all objectives these sum to the score. */
  readonly contribution: number
  /** By how much the score moves with this rating, the gate held still. */
  readonly coefficient: number
}

export interface Explanation {
  readonly score: number
  /** The score if every gating weight were logit scale / K. */
  readonly uniformScore: number
  /** exp of the entropy of the gating weights, normalised to sum 1: 1 for one objective, K for an even gate. */
  readonly effectiveObjectives: number
  readonly gatingSum: number
  readonly objectives: readonly ObjectiveExplanation[]
  /** Objectives with the largest contributions by magnitude, largest first. */
  readonly top: readonly { readonly name: string; readonly contribution: number; readonly share: number }[]
}

const TOP = 5

/** `[K]` gating_j * adjusted_j. */
export function contributions(gating: Float32Array, adjusted: Float32Array): Float64Array {
  return Float64Array.from(gating, (weight, j) => weight * (adjusted[j] ?? 0))
}

/** `[K]` gating @ T^T: by how much the score moves with each raw rating. */
export function effectiveCoefficients(
  gating: Float32Array,
  transform: readonly (readonly number[])[]
): readonly number[] {
  return transform.map((row) => row.reduce((sum, value, j) => sum + value * (gating[j] ?? 0), 0))
}

/**
 * exp of the Shannon entropy of `weights / sum(weights)`. Softmax times a scale has weights of one sign, so the
 * quotient is a distribution; with a scale of 0 there is none, and no objective counts: 0.
 */
export function effectiveObjectives(weights: Float32Array): number {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  if (sum === 0) return 0
  let entropy = 0
  for (const weight of weights) {
    const share = weight / sum
    if (share > 0) entropy -= share * Math.log(share)
  }
  return Math.exp(entropy)
}

/** Everything that can be said about one reward from its `[K]` ratings, gating weights and adjusted ratings. */
export function explain(heads: HeadsDescription, values: HeadValues): Explanation {
  const { ratings, gating, adjusted } = values
  const parts = contributions(gating, adjusted)
  const coefficients = effectiveCoefficients(gating, heads.transform)
  const objectives = heads.objectives.map((objective, j): ObjectiveExplanation => {
    const rating = ratings[j] ?? 0
    const scale = objective.native_scale
    return {
      name: objective.name,
      sourceSet: objective.source_set,
      rating,
      native: scale && { value: scale.multiplier * rating + scale.offset, low: scale.low, high: scale.high },
      removed: rating - (adjusted[j] ?? 0),
      adjusted: adjusted[j] ?? 0,
      gating: gating[j] ?? 0,
      contribution: parts[j] ?? 0,
      coefficient: coefficients[j] ?? 0
    }
  })
  const magnitude = parts.reduce((sum, part) => sum + Math.abs(part), 0)
  const top = objectives
    .toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
    .slice(0, TOP)
    .map(({ name, contribution }) => ({ name, contribution, share: magnitude === 0 ? 0 : contribution / magnitude }))
  return {
    score: values.score,
    uniformScore: (heads.logitScale / objectives.length) * adjusted.reduce((sum, value) => sum + value, 0),
    effectiveObjectives: effectiveObjectives(gating),
    gatingSum: gating.reduce((sum, weight) => sum + weight, 0),
    objectives,
    top
  }
}
