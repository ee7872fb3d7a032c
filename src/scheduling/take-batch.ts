/** Which of the waiting sequences run next. A pure function. */

/**
 * Oldest first; later ones fill up what room is left. The oldest always goes, even when it alone exceeds the budget.
 *
 * The budget counts rows times the longest row: attention computes every row of a batch at that length, in memory and
 * in time, so a short conversation beside a long one costs as much as the long one does.
 * @returns the batch and what stays, both in order of arrival
 */
export function takeBatch<T extends { readonly tokens: number }>(
  waiting: readonly T[],
  maxTokens: number,
  maxSequences: number
): { batch: T[]; rest: T[] } {
  const batch: T[] = []
  const rest: T[] = []
  let longest = 0
  for (const item of waiting) {
    const length = Math.max(longest, item.tokens)
    const fits = batch.length === 0 || (batch.length < maxSequences && (batch.length + 1) * length <= maxTokens)
    if (fits) longest = length
    ;(fits ? batch : rest).push(item)
  }
  return { batch, rest }
}
