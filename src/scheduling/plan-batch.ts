/** Which of the waiting conversations run next. A pure function: the queue calls it, and so does bench/simulate. */

/** What the planner has to know of a conversation that waits. */
export interface Waiting {
  readonly tokens: number
  /** Equal for conversations with the same tokens up to and including the gate position. */
  readonly promptKey: number
  /** Tokens up to and including the gate position. */
  readonly promptTokens: number
  /** Tokens of its priority that had ever arrived when this one came, its own included; rises from each to the next. */
  readonly arrival: number
  /** When its answer is no longer wanted, on the clock of `now`; Infinity: never. */
  readonly deadline: number
  /** Whether nobody waits for it any more. */
  readonly gone: boolean
}

/** Of each priority what waits, in order of arrival. */
export interface Lanes<T> {
  readonly interactive: readonly T[]
  readonly bulk: readonly T[]
}

/** Part of the tokens that run which bulk work gets while interactive work waits all the time. */
export const BULK_SHARE = 0.2

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
  readonly rest: { interactive: T[]; bulk: T[] }
  /** Tokens that bulk work is behind its share, for the next plan. */
  readonly owed: number
}

/**
 * Interactive work leads, but while bulk work waits and is behind its share (`owed` > 0) that does. The oldest
 * conversation of the priority that leads always goes, even when it alone exceeds every limit. Then come
 *
 * 1. its siblings, those with the same prompt, up to `maxTokens`: apart, the prompt would be computed twice;
 * 2. conversations whose deadline cannot wait for another batch, the nearest first, up to `maxTokens`; of bulk work only
 *    when that leads;
 * 3. up to `targetTokens`, further prompts with all their siblings: in order of arrival while they fit, then of the
 *    others whatever leaves the least room; and then the same of the other priority, in the room that is left.
 *
 * Of each priority only conversations that arrived within `reach` tokens of the oldest are looked at. So
 *
 * - what goes before a conversation of its own priority though it came later sums up to `reach` tokens at most: a
 *   conversation is the oldest when all before it went, and until then nothing went that came more than `reach` tokens
 *   after it;
 * - with n conversations waiting, w of them in reach, a plan takes O(w log w) steps, and one copy of n references.
 *
 * While both wait all the time, bulk work gets `BULK_SHARE` of the tokens, but for the last two batches.
 *
 * @param now - milliseconds, on the clock of the deadlines
 * @param owed - of the plan before
 */
export function planBatch<T extends Waiting>(waiting: Lanes<T>, limits: BatchLimits, now: number, owed = 0): Plan<T> {
  const interactive = new Window(waiting.interactive, limits, now)
  const bulk = new Window(waiting.bulk, limits, now)
  const contested = interactive.candidates.length > 0 && bulk.candidates.length > 0
  const bulkLeads = interactive.candidates.length === 0 || (contested && owed > 0)
  const [lead, other] = bulkLeads ? [bulk, interactive] : [interactive, bulk]
  const batch = new Batch<T>(limits)
  const [oldest] = lead.candidates
  if (oldest) {
    batch.add(oldest)
    const prompts = byPrompt(lead.candidates)
    for (const sibling of prompts.get(oldest.promptKey) ?? []) batch.addWithin(limits.maxTokens, [sibling])
    const hurried = bulkLeads ? [...bulk.candidates, ...interactive.candidates] : interactive.candidates
    const urgent = hurried.filter(({ deadline }) => deadline <= now + limits.urgentMs)
    urgent.sort((a, b) => a.deadline - b.deadline)
    for (const item of urgent) batch.addWithin(limits.maxTokens, [item])
    fill(batch, lead.whole(prompts), limits)
    fill(batch, other.whole(byPrompt(other.candidates)), limits)
  }
  const { items } = batch
  const sum = (some: readonly T[]) => some.reduce((total, { tokens }) => total + tokens, 0)
  const rest = { interactive: interactive.without(batch), bulk: bulk.without(batch) }
  const left = rest.interactive.length + rest.bulk.length > 0
  return {
    batch: items,
    tokens: batch.tokens,
    full:
      batch.tokens >= limits.targetTokens ||
      items.length >= limits.maxSequences ||
      (left && 2 * batch.tokens >= limits.targetTokens),
    dropped: [...interactive.dropped, ...bulk.dropped],
    rest,
    owed: contested ? owed + BULK_SHARE * sum(items) - sum(bulk.candidates.filter((item) => batch.has(item))) : 0
  }
}

/** What is looked at of one priority. */
class Window<T extends Waiting> {
  readonly candidates: T[] = []
  readonly dropped: T[] = []
  readonly #waiting: readonly T[]
  #scanned = 0

  constructor(waiting: readonly T[], { reach }: BatchLimits, now: number) {
    this.#waiting = waiting
    for (; this.#scanned < waiting.length; this.#scanned++) {
      const item = waiting[this.#scanned]!
      const [oldest] = this.candidates
      if (oldest && item.arrival > oldest.arrival + reach) break
      ;(item.gone || item.deadline <= now ? this.dropped : this.candidates).push(item)
    }
  }

  /** The prompts of which all responses can go together: one that goes on beyond the reach waits for them. */
  whole(prompts: Map<number, T[]>): T[][] {
    const beyond = this.#waiting[this.#scanned]
    if (beyond) prompts.delete(beyond.promptKey)
    return [...prompts.values()]
  }

  without(batch: Batch<T>): T[] {
    return this.candidates.filter((item) => !batch.has(item)).concat(this.#waiting.slice(this.#scanned))
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
