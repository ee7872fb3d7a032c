/** What one request's scoring tells of itself, for a trace. Times in milliseconds of `performance.now()`. */
import type { BatchRun, RatedSequence, RunPlace } from '../scheduling/rated-sequence.js'
import type { Usage } from './reward.js'
import type { Protocol } from './scorer.js'

export interface Timeline {
  /** @param revision - of the model that scores */
  began(protocol: Protocol, conversations: number, revision: string): void
  /** There was no room for the request, and it stood in line. */
  stood(from: number, to: number): void
  /** For want of room. @param reason - of the refusal */
  refused(reason: string): void
  /** One conversation is tokenized. */
  read(usage: Usage): void
  /** All are, or one of them refuses the request. */
  tokenized(from: number, to: number): void
  /** Conversations go to the queue. */
  queued(at: number): void
  /** A batch ran with one of them in it. */
  ran(run: BatchRun, place: RunPlace): void
  rated(origin: RatedSequence['origin']): void
  /** A conversation has no reward. */
  failed(): void
}
