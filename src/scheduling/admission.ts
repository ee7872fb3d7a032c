/**
 * Which requests may wait in the queue: whole ones, bounded by their tokens and conversations together. The others are
 * told when there will be room, or, where their clients would not survive that, wait in line until there is.
 */
import { ArmormError } from '../errors.js'
import { BULK_SHARE } from './plan-batch.js'
import { RetryTimes } from './retry-after.js'

/** Why a request was refused; labels of the metrics. */
export type Refusal = (typeof REFUSALS)[number]
export const REFUSALS = ['tokens', 'conversations', 'deadline', 'line', 'never_fits'] as const

/** Work that has to be computed: what is remembered, or under way for another request, is none. */
export interface Need {
  readonly tokens: number
  readonly conversations: number
}

/** What admission asks of the queue. */
export interface QueueLoad {
  waiting(bulk: boolean): Need
  readonly handedTokens: number
  readonly targetTokens: number
  readonly servedPerSecond: number
  /** Milliseconds for which nothing will be served. */
  readonly stalledMs: number
  onRoom(listener: () => void): void
}

export interface AdmissionOptions {
  /** Tokens that may wait; 0: as many as the measured rate serves in a minute, and any one request where none wait. */
  readonly maxTokens: number
  readonly maxConversations: number
  /** Requests that may wait in line, and bytes of their text. */
  readonly maxLineRequests: number
  readonly maxLineBytes: number
  readonly onRefusal?: (reason: Refusal) => void
  /** Clock in milliseconds, that of the deadlines. */
  readonly now?: () => number
  readonly random?: () => number
}

export interface Entrant {
  readonly bulk: boolean
  /** When its answer is no longer wanted; Infinity: never. */
  readonly deadline: number
  /** Until when it waits in line instead of being refused; null: it is refused. */
  readonly patientUntil: number | null
  /** Of its text, held while it waits in line. */
  readonly bytes: number
  /** Aborts, with the reason, when nobody waits any more. */
  readonly signal?: AbortSignal | undefined
  /** Told from when to when it stood in line, by the clock of the deadlines, whatever became of it. */
  readonly onStood?: ((from: number, to: number) => void) | undefined
}

type Obstacle = 'tokens' | 'conversations' | 'deadline'

/** Seconds of work that may wait where no number of tokens is set. */
const QUEUE_SECONDS = 60
/** Tokens that may wait on the slowest machine. */
const LEAST_TOKENS = 32_768
/** Part of the queue that bulk work may fill: the rest is left to interactive work. */
const BULK_ROOM = 0.75
/** Work is expected to take so many times what the measured rate promises when it is held against a deadline. */
const CAUTION = 1.2
const NOTHING: Need = { tokens: 0, conversations: 0 }

/** One request's place: reserved while its text is tokenized, until its sequences are in the queue. */
export interface Ticket {
  /** Puts the true need in the place of the estimate. @throws ArmormError overloaded, exceeds_queue; the signal's reason */
  settle(need: Need): Promise<void>
  /** Its sequences are in the queue, or it has failed. Safe to call twice. */
  release(): void
}

interface Standing {
  readonly entrant: Entrant
  /** Place among all that ever came. */
  readonly place: number
  readonly need: Need
  readonly enter: (refusal: ArmormError | null) => void
}

export class Admission {
  readonly #queue: QueueLoad
  readonly #options: AdmissionOptions
  readonly #now: () => number
  readonly #retry: RetryTimes
  readonly #reserved = { interactive: { ...NOTHING }, bulk: { ...NOTHING } }
  readonly #lines: { readonly interactive: Standing[]; readonly bulk: Standing[] } = { interactive: [], bulk: [] }
  #lineBytes = 0
  #lineTokens = 0
  #entered = 0
  #closed: ArmormError | null = null

  constructor(queue: QueueLoad, options: AdmissionOptions) {
    this.#queue = queue
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#retry = new RetryTimes(options.random ?? Math.random)
    queue.onRoom(() => this.#callUp())
  }

  /** Tokens that may wait. */
  get limitTokens(): number {
    const { maxTokens } = this.#options
    if (maxTokens > 0) return maxTokens
    const { servedPerSecond } = this.#queue
    return servedPerSecond > 0 ? Math.max(QUEUE_SECONDS * servedPerSecond, LEAST_TOKENS) : Infinity
  }

  /** Tokens of the requests that are being tokenized, as far as they are known. */
  get reservedTokens(): number {
    return this.#reserved.interactive.tokens + this.#reserved.bulk.tokens
  }

  get lineRequests(): number {
    return this.#lines.interactive.length + this.#lines.bulk.length
  }

  get lineBytes(): number {
    return this.#lineBytes
  }

  /** Whether a request would be let in now. */
  hasRoom(need: Need, { bulk, deadline }: Pick<Entrant, 'bulk' | 'deadline'>): boolean {
    return !this.#isBehind(bulk, Infinity) && this.#obstacle(need, bulk, deadline) === null
  }

  /**
   * Lets a request in, as a whole or not at all.
   * @param need - as far as it is known
   * @throws ArmormError overloaded, exceeds_queue; the signal's reason
   */
  async enter(need: Need, entrant: Entrant): Promise<Ticket> {
    entrant.signal?.throwIfAborted()
    const place = this.#entered++
    if (need.conversations > 0) {
      this.#refuseNeverFitting({ ...need, tokens: 0 })
      await this.#pass(need, entrant, place, true)
    }
    let held = need
    const hold = (other: Need) => {
      this.#reserve(entrant.bulk, held, other)
      held = other
    }
    // `#pass` has reserved it.
    return {
      settle: async (exact) => {
        hold(NOTHING)
        if (exact.conversations === 0) return this.#callUp()
        try {
          entrant.signal?.throwIfAborted()
          this.#refuseNeverFitting(exact)
          await this.#pass(exact, entrant, place, false)
        } catch (error) {
          this.#callUp()
          throw error
        }
        held = exact
        this.#callUp()
      },
      release: () => {
        if (held === NOTHING) return
        hold(NOTHING)
        this.#callUp()
      }
    }
  }

  /** Reserves room for a request, as soon as there is some where it waits. @param bounded - by the length of the line */
  async #pass(need: Need, entrant: Entrant, place: number, bounded: boolean): Promise<void> {
    const { bulk, patientUntil } = entrant
    const obstacle = this.#isBehind(bulk, place) ? 'tokens' : this.#obstacle(need, bulk, endOf(entrant))
    if (obstacle === null) return this.#reserve(bulk, NOTHING, need)
    // Whose answer would come too late gains nothing by waiting.
    if (patientUntil === null || obstacle === 'deadline') throw this.#refusal(obstacle, need, entrant)
    const { maxLineRequests, maxLineBytes } = this.#options
    const standing = this.lineRequests
    const full = standing >= maxLineRequests || (standing > 0 && this.#lineBytes + entrant.bytes > maxLineBytes)
    if (this.#closed) throw this.#closed
    // Who was let in before, by an estimate, is not sent away.
    if (bounded && full) throw this.#refusal('line', need, entrant)
    await this.#stand(need, entrant, place)
  }

  #stand(need: Need, entrant: Entrant, place: number): Promise<void> {
    const line = this.#lineOf(entrant.bulk)
    const since = this.#now()
    return new Promise((resolve, reject) => {
      const leave = () => {
        entrant.onStood?.(since, this.#now())
        line.splice(line.indexOf(standing), 1)
        this.#lineBytes -= entrant.bytes
        this.#lineTokens -= need.tokens
        entrant.signal?.removeEventListener('abort', abandon)
      }
      const abandon = () => {
        leave()
        reject(entrant.signal?.reason as Error)
        this.#callUp()
      }
      const standing: Standing = {
        entrant,
        place,
        need,
        enter: (refusal) => {
          leave()
          if (refusal) reject(refusal)
          else resolve(this.#reserve(entrant.bulk, NOTHING, need))
        }
      }
      line.splice(line.findLastIndex((other) => other.place < place) + 1, 0, standing)
      this.#lineBytes += entrant.bytes
      this.#lineTokens += need.tokens
      entrant.signal?.addEventListener('abort', abandon)
      // Its own reservation may have been all that was in the way of who is first: then nothing else would call.
      this.#callUp()
    })
  }

  /** Sends away all who stand in line, and whoever would stand there from now on: no room will come. */
  close(reason: ArmormError): void {
    this.#closed = reason
    for (const { enter } of [...this.#lines.interactive, ...this.#lines.bulk]) enter(reason)
  }

  /** Lets in from the lines whom there is room for, and sends away those whose clients will have gone by then. */
  #callUp(): void {
    for (const bulk of [false, true]) {
      const line = this.#lineOf(bulk)
      for (let first = line[0]; first; first = line[0]) {
        const obstacle = this.#obstacle(first.need, bulk, endOf(first.entrant))
        if (obstacle === 'tokens' || obstacle === 'conversations') return
        first.enter(obstacle && this.#refusal(obstacle, first.need, first.entrant))
      }
    }
  }

  #reserve(bulk: boolean, old: Need, other: Need): void {
    const reserved = bulk ? this.#reserved.bulk : this.#reserved.interactive
    reserved.tokens += other.tokens - old.tokens
    reserved.conversations += other.conversations - old.conversations
  }

  #lineOf(bulk: boolean): Standing[] {
    return bulk ? this.#lines.bulk : this.#lines.interactive
  }

  /** Whether others in line go before one that came at `place`. */
  #isBehind(bulk: boolean, place: number): boolean {
    const [interactive, own] = [this.#lines.interactive[0], this.#lineOf(bulk)[0]]
    return (bulk && interactive !== undefined) || (own !== undefined && own.place < place)
  }

  /** What waits, or is about to, with one priority. */
  #load(bulk: boolean): Need {
    const waiting = this.#queue.waiting(bulk)
    const reserved = bulk ? this.#reserved.bulk : this.#reserved.interactive
    return {
      tokens: waiting.tokens + reserved.tokens,
      conversations: waiting.conversations + reserved.conversations
    }
  }

  /** What is in the way of a request; null when there is room. What finds nothing before it has room whatever it is. */
  #obstacle(need: Need, bulk: boolean, deadline: number): Obstacle | null {
    const own = this.#load(bulk)
    const other = this.#load(!bulk)
    const first = own.conversations === 0 && (!bulk || other.conversations === 0)
    if (first) return null
    const { maxConversations } = this.#options
    for (const [name, limit] of [
      ['tokens', this.limitTokens],
      ['conversations', maxConversations]
    ] as const) {
      const share = bulk ? BULK_ROOM * limit : limit
      const others = bulk ? other[name] : Math.min(other[name], BULK_ROOM * limit)
      if (own[name] + others + need[name] > share) return name
    }
    return this.#now() + this.#expectedMs(need, bulk) > deadline ? 'deadline' : null
  }

  /** Milliseconds until work that came now would be done. */
  #expectedMs({ tokens }: Need, bulk: boolean): number {
    const { servedPerSecond, handedTokens, targetTokens, stalledMs } = this.#queue
    if (servedPerSecond === 0) return stalledMs
    const interactive = this.#load(false).tokens
    const others = this.#load(true).tokens
    // Interactive work goes first, but for the share of the rest.
    const before = bulk
      ? interactive + others
      : interactive + Math.min(others, (interactive * BULK_SHARE) / (1 - BULK_SHARE))
    return stalledMs + (1000 * CAUTION * (handedTokens + before + tokens + targetTokens)) / servedPerSecond
  }

  #refusal(reason: keyof typeof SAID, need: Need, entrant: Entrant): ArmormError {
    this.#options.onRefusal?.(reason)
    const { servedPerSecond, stalledMs } = this.#queue
    const now = this.#now()
    const [interactive, bulk] = [this.#load(false), this.#load(true)]
    const tokens = interactive.tokens + bulk.tokens
    const conversations = interactive.conversations + bulk.conversations
    const room = entrant.bulk ? BULK_ROOM : 1
    // What has to go before this request fits, in tokens.
    const excess = Math.max(
      0,
      tokens + need.tokens - room * this.limitTokens,
      ((conversations + need.conversations - room * this.#options.maxConversations) * tokens) /
        Math.max(1, conversations)
    )
    const roomMs =
      reason === 'deadline'
        ? this.#expectedMs(need, entrant.bulk) - (endOf(entrant) - now)
        : stalledMs + (1000 * (this.#lineTokens + excess)) / (servedPerSecond || 1)
    const seconds = this.#retry.next(now, roomMs, need.tokens, servedPerSecond) / 1000
    return new ArmormError('overloaded', `${SAID[reason]}; try again in ${seconds.toFixed(1)} seconds`, {
      reason,
      queued_tokens: tokens,
      queued_conversations: conversations,
      retry_after_seconds: Math.round(seconds * 1000) / 1000
    })
  }

  #refuseNeverFitting({ tokens, conversations }: Need): void {
    const { maxTokens, maxConversations } = this.#options
    const refuse = (what: 'tokens' | 'conversations', count: number, limit: number, option: string) => {
      this.#options.onRefusal?.('never_fits')
      const message = `the request has ${count} ${what} to compute, and ${limit} may wait at all (${option})`
      throw new ArmormError('exceeds_queue', message, { [what]: count, limit })
    }
    if (conversations > maxConversations)
      refuse('conversations', conversations, maxConversations, '--max-queue-conversations')
    if (maxTokens > 0 && tokens > maxTokens) refuse('tokens', tokens, maxTokens, '--max-queue-tokens')
  }
}

/** When nobody waits for a reply any more. */
function endOf({ deadline, patientUntil }: Entrant): number {
  return Math.min(deadline, patientUntil ?? Infinity)
}

const SAID: Readonly<Record<Exclude<Refusal, 'never_fits'>, string>> = {
  tokens: 'the queue is full',
  conversations: 'the queue is full',
  deadline: 'the queue is too long for the time that this request has',
  line: 'the queue is full, and so is the line before it'
}
