/** Which of the waiting sequences run next. A pure function. */

/**
 * Oldest first; later ones fill up what room is left. The oldest always goes, even when it alone exceeds the budget.
 * @returns the batch and what stays, both in order of arrival
 */
export function takeBatch<T extends { readonly tokens: number }>(
  waiting: readonly T[],
  maxTokens: number,
  maxSequences: number
): { batch: T[]; rest: T[] } {
  const batch: T[] = []
  const rest: T[] = []
  let tokens = 0
  for (const item of waiting) {
    const fits = batch.length === 0 || (batch.length < maxSequences && tokens + item.tokens <= maxTokens)
    if (fits) tokens += item.tokens
    ;(fits ? batch : rest).push(item)
  }
  return { batch, rest }
}
