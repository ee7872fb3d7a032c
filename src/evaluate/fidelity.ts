/** How faithful one model's scores are to another's, within groups of answers to one prompt: what a trainer compares. */

/** Figures over all groups. */
export interface Fidelity {
  readonly groups: number
  readonly conversations: number
  /** Mean over groups of Spearman's rank correlation of the scores. */
  readonly spearman: number
  /** Share of the pairs within a group that the two models order differently. */
  readonly flips: number
  /** Mean over groups of root-mean-square error over the standard deviation of the reference's scores. */
  readonly relativeError: number
  /** Largest difference of a score. */
  readonly largestDifference: number
}

/** Ranks from 1; equal values share the mean of theirs. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!)
  const result = new Array<number>(values.length)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let i = from; i < to; i++) result[order[i]!] = (from + to + 1) / 2
    from = to
  }
  return result
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Spearman's rank correlation: Pearson's of the ranks. NaN when either side is constant. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)]
  const [mx, my] = [mean(x), mean(y)]
  let covariance = 0
  let varianceX = 0
  let varianceY = 0
  for (let i = 0; i < x.length; i++) {
    covariance += (x[i]! - mx) * (y[i]! - my)
    varianceX += (x[i]! - mx) ** 2
    varianceY += (y[i]! - my) ** 2
  }
  return covariance / Math.sqrt(varianceX * varianceY)
}

/**
 * @param groups scores of the answers to one prompt by the reference and by the other model; those of the reference are
 *   not all equal. Where the other's are, nothing is left of the order: its rank correlation counts as 0.
 */
export function fidelity(
  groups: readonly { readonly reference: readonly number[]; readonly other: readonly number[] }[]
): Fidelity {
  let flips = 0
  let pairs = 0
  let largest = 0
  const errors = groups.map(({ reference, other }) => {
    for (let i = 0; i < reference.length; i++) {
      largest = Math.max(largest, Math.abs(reference[i]! - other[i]!))
      for (let j = 0; j < i; j++) {
        pairs++
        if ((reference[i]! - reference[j]!) * (other[i]! - other[j]!) < 0) flips++
      }
    }
    const center = mean(reference)
    const deviation = Math.sqrt(mean(reference.map((score) => (score - center) ** 2)))
    return Math.sqrt(mean(reference.map((score, i) => (score - other[i]!) ** 2))) / deviation
  })
  return {
    groups: groups.length,
    conversations: groups.reduce((sum, { reference }) => sum + reference.length, 0),
    spearman: mean(groups.map(({ reference, other }) => spearman(reference, other) || 0)),
    flips: flips / pairs,
    relativeError: mean(errors),
    largestDifference: largest
  }
}
