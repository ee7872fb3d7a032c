/** Which of the waiting conversations run next. A pure function: the queue calls it, and so does bench/simulate. */

/** What the planner has to know of a conversation that waits. */
export interface Waiting {
  readonly tokens: number
  /** Equal for conversations with the same tokens up to and including the gate position. */
  readonly promptKey: number
  /** Tokens up to and including the gate position. */
  readonly promptTokens: number
  /** Tokens that had ever arrived when this one came, its own included; rises from each to the next. */
  readonly arrival: number
  /** When its answer is no longer wanted, on the clock of `now`; Infinity: never. */
  readonly deadline: number
  /** Whether nobody waits for it any more. */
  readonly gone: boolean
}

/** A batch's tokens are its distinct tokens: a prompt that several conversations share counts once. */
export interface BatchLimits {
  /** Tokens beyond which a larger batch is no faster; a batch is filled up to here. */
  readonly targetTokens: number
  /** Tokens that no batch exceeds, unless its oldest conversation does so alone; not below the target. */
  readonly maxTokens: number
  readonly maxSequences: number
  /** Tokens of later arrivals that may go before a conversation, at most. */
  readonly reach: number
  /** A deadline so many milliseconds away cannot wait for another batch. */
  readonly urgentMs: number
}

export interface Plan<T> {
  /** What runs; empty only when nobody waits for anything. */
  readonly batch: T[]
  /** Distinct tokens of the batch. */
  readonly tokens: number
  /** Whether it pays to run it now: more company would not fit, or not make it faster. */
  readonly full: boolean
  /** What nobody wants any more: gone, or past its deadline. */
  readonly dropped: T[]
  /** What stays, in order of arrival: those looked at first, then all that were not. */
  readonly rest: T[]
}

/**
 * The oldest conversation always goes, even when it alone exceeds every limit. Then come
 *
 * 1. its siblings, those with the same prompt, up to `maxTokens`: apart, the prompt would be computed twice;
 * 2. conversations whose deadline cannot wait for another batch, the nearest first, up to `maxTokens`;
 * 3. up to `targetTokens`, further prompts with all their siblings: in order of arrival while they fit, then of the
 *    others whatever leaves the least room.
 *
 * Only conversations that arrived within `reach` tokens of the oldest are looked at. So
 *
 * - what goes before a conversation though it came later sums up to `reach` tokens at most: a conversation is the
 *   oldest when all before it went, and until then nothing went that came more than `reach` tokens after it;
 * - with n conversations waiting, w of them in reach, a plan takes O(w log w) steps, and one copy of n references.
 *
 * @param waiting - in order of arrival
 * @param now - milliseconds, on the clock of the deadlines
 */
export function planBatch<T extends Waiting>(waiting: readonly T[], limits: BatchLimits, now: number): Plan<T> {
  const dropped: T[] = []
  const candidates: T[] = []
  let scanned = 0
  for (; scanned < waiting.length; scanned++) {
    const item = waiting[scanned]!
    if (candidates.length > 0 && item.arrival > candidates[0]!.arrival + limits.reach) break
    ;(item.gone || item.deadline <= now ? dropped : candidates).push(item)
  }
  const batch = new Batch<T>(limits)
  const [oldest] = candidates
  if (oldest) {
    batch.add(oldest)
    const prompts = byPrompt(candidates)
    for (const sibling of prompts.get(oldest.promptKey) ?? []) batch.addWithin(limits.maxTokens, [sibling])
    const urgent = candidates.filter(({ deadline }) => deadline <= now + limits.urgentMs)
    urgent.sort((a, b) => a.deadline - b.deadline)
    for (const item of urgent) batch.addWithin(limits.maxTokens, [item])
    // A prompt that goes on beyond the reach waits until all its responses can go together.
    const beyond = waiting[scanned]
    if (beyond) prompts.delete(beyond.promptKey)
    fill(batch, [...prompts.values()], limits)
  }
  const left = candidates.length - batch.items.length > 0 || scanned < waiting.length
  return {
    batch: batch.items,
    tokens: batch.tokens,
    full:
      batch.tokens >= limits.targetTokens ||
      batch.items.length >= limits.maxSequences ||
      (left && 2 * batch.tokens >= limits.targetTokens),
    dropped,
    rest: candidates.filter((item) => !batch.has(item)).concat(waiting.slice(scanned))
  }
}

/** Adds prompts with all their siblings up to the target; one of which a part would not fit waits for its turn. */
function fill<T extends Waiting>(batch: Batch<T>, prompts: readonly T[][], { targetTokens }: BatchLimits): void {
  let fitting = 0
  while (fitting < prompts.length && batch.addWithin(targetTokens, prompts[fitting]!)) fitting++
  const others = prompts.slice(fitting + 1).map((siblings) => ({ siblings, tokens: batch.tokensWith(siblings) }))
  others.sort((a, b) => b.tokens - a.tokens)
  for (const { siblings } of others) batch.addWithin(targetTokens, siblings)
}

function byPrompt<T extends Waiting>(items: readonly T[]): Map<number, T[]> {
  const prompts = new Map<number, T[]>()
  for (const item of items) {
    const siblings = prompts.get(item.promptKey)
    if (siblings) siblings.push(item)
    else prompts.set(item.promptKey, [item])
  }
  return prompts
}

/** A batch that grows; its tokens are counted as they come. */
class Batch<T extends Waiting> {
  readonly #taken = new Set<T>()
  readonly #prompts = new Set<number>()
  readonly #maxSequences: number
  tokens = 0

  constructor({ maxSequences }: BatchLimits) {
    this.#maxSequences = maxSequences
  }

  get items(): T[] {
    return [...this.#taken]
  }

  has(item: T): boolean {
    return this.#taken.has(item)
  }

  add(item: T): void {
    this.tokens += this.#prompts.has(item.promptKey) ? item.tokens - item.promptTokens : item.tokens
    this.#prompts.add(item.promptKey)
    this.#taken.add(item)
  }

  /** Adds siblings, those that are not in yet, if all of them fit. @returns whether all are in */
  addWithin(maxTokens: number, siblings: readonly T[]): boolean {
    const missing = siblings.filter((item) => !this.#taken.has(item))
    if (missing.length === 0) return true
    if (this.#taken.size + missing.length > this.#maxSequences || this.tokensWith(missing) > maxTokens) return false
    for (const item of missing) this.add(item)
    return true
  }

  /** Tokens that the batch would have with these siblings as well. */
  tokensWith(siblings: readonly T[]): number {
    let { tokens } = this
    let shared = siblings[0] !== undefined && this.#prompts.has(siblings[0].promptKey)
    for (const item of siblings) {
      if (this.#taken.has(item)) continue
      tokens += shared ? item.tokens - item.promptTokens : item.tokens
      shared = true
    }
    return tokens
  }
}
