/** How faithful one model's scores are to another's, within groups of answers to one prompt: what a trainer compares. */
import { spearman } from '../heads/spearman.js'
import { mean } from '../heads/statistics.js'

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
