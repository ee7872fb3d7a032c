/** What goes into scoring and what comes out of it. */
import { ArmormError } from '../errors.js'
import type { HeadValues } from '../scheduling/rated-sequence.js'
import type { Conversation } from '../text/conversation.js'

/** One input of a request; its result takes the same place and the same form. */
export type ScoringInput =
  | { readonly kind: 'one'; readonly conversation: Conversation }
  /** One prompt with several responses. */
  | { readonly kind: 'many'; readonly conversations: readonly Conversation[] }
  /** Refused before it came here; the error takes its place, or refuses the request. */
  | { readonly kind: 'refused'; readonly error: ArmormError }

export interface Usage {
  /** Tokens that the model read: prompt and response, after trimming. */
  readonly tokens: number
  /** Tokens up to and including the header of the answer. */
  readonly promptTokens: number
  readonly responseTokens: number
  /** Tokens cut from the left of the prompt. */
  readonly trimmedTokens: number
  /** Tokens not computed for this request: the reward came from memory, or from the same work already under way. */
  readonly cachedTokens: number
}

/** What the heads said of one conversation, every number finite. */
export interface Reward extends HeadValues {
  readonly usage: Usage
  /** Under which GET /explain finds it; null when it was not kept. */
  readonly explainId: string | null
}

/** A reward, or the reason why this one has none. */
export type Outcome = Reward | ArmormError

/** Milliseconds of one request. */
export interface Timing {
  /** Until the last conversation was tokenized. */
  readonly tokenize: number
  /** In the queue; of the conversation that finished last. */
  readonly queue: number
  /** In the batch; of the conversation that finished last. */
  readonly run: number
  readonly total: number
}

/** Errors that belong to one conversation; any other is the server's or the client's state and ends the whole request. */
export function isItemError(error: unknown): error is ArmormError {
  if (!(error instanceof ArmormError) || error.code === 'client_closed' || error.status === 429) return false
  return error.status < 500 || error.code === 'non_finite' || error.code === 'engine_failed'
}
