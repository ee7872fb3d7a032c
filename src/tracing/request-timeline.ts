/** Notes down when the parts of one request happened; spans are made of it when the request has ended. */
import type { BatchRun, RatedSequence, RunPlace } from '../scheduling/rated-sequence.js'
import type { Usage } from '../scoring/reward.js'
import type { Protocol } from '../scoring/scorer.js'
import type { Timeline } from '../scoring/timeline.js'

/** A stretch of time, in milliseconds of `performance.now()`. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

export interface Tokenization extends Stretch {
  readonly conversations: number
  readonly tokens: number
  readonly trimmedTokens: number
}

/** The request's own part of a batch. */
export interface OwnPart {
  /** Places of its conversations in the batch. */
  readonly rows: number[]
  tokens: number
  /** Conversations on which the engine fails. */
  refused: number
}

/** Batches of one request that are told apart; a request of thousands of conversations may take part in more. */
const MOST_RUNS = 128

export class RequestTimeline implements Timeline {
  protocol: Protocol | null = null
  revision: string | null = null
  conversations = 0
  /** Why there was no room for it; null: there was. */
  refusal: string | null = null
  readonly lines: Stretch[] = []
  readonly tokenizations: Tokenization[] = []
  queuedAt: number | null = null
  readonly runs = new Map<BatchRun, OwnPart>()
  /** Batches beyond those in `runs`. */
  moreRuns = 0
  readonly rewards = { run: 0, joined: 0, cache: 0 }
  failures = 0
  /** The latest of `moreRuns`. */
  #latest: BatchRun | undefined
  /** Since the last tokenization ended. */
  #read = { conversations: 0, tokens: 0, trimmedTokens: 0 }

  began(protocol: Protocol, conversations: number, revision: string): void {
    this.protocol = protocol
    this.conversations += conversations
    this.revision = revision
  }

  stood(from: number, to: number): void {
    this.lines.push({ from, to })
  }

  refused(reason: string): void {
    this.refusal = reason
  }

  read({ tokens, trimmedTokens }: Usage): void {
    this.#read.conversations += 1
    this.#read.tokens += tokens
    this.#read.trimmedTokens += trimmedTokens
  }

  tokenized(from: number, to: number): void {
    this.tokenizations.push({ from, to, ...this.#read })
    this.#read = { conversations: 0, tokens: 0, trimmedTokens: 0 }
  }

  queued(at: number): void {
    this.queuedAt ??= at
  }

  ran(run: BatchRun, { row, tokens, refused }: RunPlace): void {
    const part = this.runs.get(run) ?? { rows: [], tokens: 0, refused: 0 }
    if (part.rows.length === 0) {
      if (this.runs.size >= MOST_RUNS) {
        // The places of a batch are told one after another.
        if (run !== this.#latest) this.moreRuns += 1
        this.#latest = run
        return
      }
      this.runs.set(run, part)
    }
    part.rows.push(row)
    part.tokens += tokens
    if (refused) part.refused += 1
  }

  rated(origin: RatedSequence['origin']): void {
    this.rewards[origin] += 1
  }

  failed(): void {
    this.failures += 1
  }
}
