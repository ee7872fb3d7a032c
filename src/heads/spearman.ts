/** Spearman's rank correlation: Pearson's correlation of the ranks. */

/** Ranks from 1; equal values share the mean of theirs. @param values finite */
export function ranks(values: ArrayLike<number>): Float64Array {
  const size = values.length
  // Numbers sorted by themselves take a fraction of the time of indices sorted by them.
  const sorted = Float64Array.from(values).sort()
  /** At the place where a run of equal values starts, their rank. */
  const shared = new Float64Array(size)
  for (let from = 0; from < size;) {
    let to = from + 1
    while (to < size && sorted[to] === sorted[from]) to++
    shared[from] = (from + to + 1) / 2
    from = to
  }
  const result = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    const value = values[i]!
    let low = 0
    let high = size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle]! < value) low = middle + 1
      else high = middle
    }
    result[i] = shared[low]!
  }
  return result
}

/** The ranks of one variable, ready to be correlated with those of others. */
export interface Ranked {
  /** `[n]` ranks less their mean. */
  readonly centred: Float64Array
  /** Sum of their squares; 0 for a constant. */
  readonly squares: number
}

export function ranked(values: ArrayLike<number>): Ranked {
  const centred = ranks(values)
  const mean = (centred.length + 1) / 2
  let squares = 0
  for (let i = 0; i < centred.length; i++) {
    centred[i]! -= mean
    squares += centred[i]! ** 2
  }
  return { centred, squares }
}

/** Spearman's correlation of two variables of the same length; NaN when either is constant. */
export function rankCorrelation(a: Ranked, b: Ranked): number {
  let covariance = 0
  for (let i = 0; i < a.centred.length; i++) covariance += a.centred[i]! * b.centred[i]!
  return covariance / Math.sqrt(a.squares * b.squares)
}

/** Like scipy.stats.spearmanr: NaN when either side is constant. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return rankCorrelation(ranked(a), ranked(b))
}

/** `[K, K]` of K variables; NaN in row and column of one that is constant. */
export function correlationMatrix(variables: readonly ArrayLike<number>[]): number[][] {
  const all = variables.map(ranked)
  const matrix = all.map(() => new Array<number>(all.length))
  all.forEach((a, i) => {
    for (let j = 0; j <= i; j++) {
      matrix[i]![j] = rankCorrelation(a, all[j]!)
      matrix[j]![i] = matrix[i]![j]!
    }
  })
  return matrix
}
