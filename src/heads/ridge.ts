/**
 * Ridge regression of several objectives on the same features, without intercept, where rows lack labels: each
 * objective's weights minimise sum over its labelled rows (w.x - y)^2 + alpha |w|^2, as scikit-learn's
 * Ridge(fit_intercept=False). Only sums over rows are kept, so rows can be streamed.
 */
import { factor, type ProductTransposed, solveFactored } from './cholesky.js'

/** Which rows share a Gram matrix. */
export interface GramPlan {
  /** Objectives whose labels count in each Gram matrix: a row's labels go with the matrix that the row goes into. */
  readonly grams: readonly (readonly number[])[]
  /** The Gram matrices that a row goes into, by the set of its labels. */
  readonly ofPattern: ReadonlyMap<string, readonly number[]>
  /** Objectives that have the same rows, and so the same Gram matrix: the sum of these. */
  readonly groups: readonly { readonly objectives: readonly number[]; readonly grams: readonly number[] }[]
}

/** Names a set of objectives. */
export const patternOf = (objectives: readonly number[]): string => objectives.join(',')

/**
 * One Gram matrix for each set of labels that rows have (a pattern); where there are more patterns than objectives with
 * rows of their own, one for each of those, and rows are added to several.
 * @param patterns sets of objectives, each ascending, none empty, all different
 */
export function planGrams(patterns: readonly (readonly number[])[]): GramPlan {
  const holding = new Map<number, number[]>()
  patterns.forEach((pattern, index) => {
    for (const objective of pattern) holding.set(objective, [...(holding.get(objective) ?? []), index])
  })
  const rowSets = new Map<string, { objectives: number[]; patterns: number[] }>()
  for (const [objective, indices] of [...holding].sort(([a], [b]) => a - b)) {
    const name = patternOf(indices)
    const same = rowSets.get(name)
    if (same) same.objectives.push(objective)
    else rowSets.set(name, { objectives: [objective], patterns: indices })
  }
  const groups = [...rowSets.values()]
  if (patterns.length <= groups.length) {
    return {
      grams: patterns,
      ofPattern: new Map(patterns.map((pattern, index) => [patternOf(pattern), [index]])),
      groups: groups.map(({ objectives, patterns: grams }) => ({ objectives, grams }))
    }
  }
  const into = (index: number) => groups.flatMap((group, gram) => (group.patterns.includes(index) ? [gram] : []))
  return {
    grams: groups.map(({ objectives }) => objectives),
    ofPattern: new Map(patterns.map((pattern, index) => [patternOf(pattern), into(index)])),
    groups: groups.map(({ objectives }, gram) => ({ objectives, grams: [gram] }))
  }
}

/** What rows add up to; all that the solution needs. Memory: Gram matrices * hidden^2 * 8 bytes. */
export class RidgeSums {
  /** `[hidden, hidden]` sums of x xᵀ, of which the lower triangle counts. */
  readonly grams: readonly Float64Array[]
  /** `[hidden]` sum of x y of each objective. */
  readonly targets: readonly Float64Array[]
  /** Sum of y^2 and number of labels of each objective. */
  readonly squares: Float64Array
  readonly rows: Float64Array

  constructor(
    readonly plan: GramPlan,
    readonly hidden: number,
    objectives: number
  ) {
    this.grams = plan.grams.map(() => new Float64Array(hidden * hidden))
    this.targets = Array.from({ length: objectives }, () => new Float64Array(hidden))
    this.squares = new Float64Array(objectives)
    this.rows = new Float64Array(objectives)
  }

  get bytes(): number {
    return this.grams.length * this.hidden ** 2 * Float64Array.BYTES_PER_ELEMENT
  }

  /**
   * Weights of the objectives of a group, for one alpha.
   * @param scratch `[hidden, hidden]`, overwritten
   * @returns `[hidden]` each; null when the system is not positive definite to float64's precision: alpha is too small
   */
  async solve(
    group: GramPlan['groups'][number],
    alpha: number,
    scratch: Float64Array,
    product: ProductTransposed
  ): Promise<Float64Array[] | null> {
    this.#gramOf(group.grams, scratch)
    for (let i = 0; i < this.hidden; i++) scratch[i * this.hidden + i]! += alpha
    if (!(await factor(scratch, this.hidden, product))) return null
    return group.objectives.map((objective) => {
      const vector = this.targets[objective]!.slice()
      solveFactored(scratch, this.hidden, vector)
      return vector
    })
  }

  /**
   * Mean squared error of weights on the rows that were added.
   * @param scratch `[hidden, hidden]`, overwritten
   */
  errors(group: GramPlan['groups'][number], weights: readonly Float64Array[], scratch: Float64Array): number[] {
    this.#gramOf(group.grams, scratch)
    return group.objectives.map((objective, index) => {
      const w = weights[index]!
      const target = this.targets[objective]!
      let error = this.squares[objective]!
      for (let i = 0; i < this.hidden; i++) {
        const row = i * this.hidden
        let product = (scratch[row + i]! * w[i]!) / 2
        for (let j = 0; j < i; j++) product += scratch[row + j]! * w[j]!
        error += 2 * w[i]! * (product - target[i]!)
      }
      // A difference of large sums may end just below zero.
      return Math.max(0, error) / this.rows[objective]!
    })
  }

  #gramOf(grams: readonly number[], target: Float64Array): void {
    target.set(this.grams[grams[0]!]!)
    for (const index of grams.slice(1)) {
      const gram = this.grams[index]!
      for (let i = 0; i < target.length; i++) target[i]! += gram[i]!
    }
  }
}
