/** What scoring needs from the rooms below it: someone who tokenizes and someone who rates. */
import type { EngineSequence } from '../engine/contract.js'
import type { Conversation, TokenizedConversation, Truncation } from '../text/conversation.js'

export interface Tokenize {
  /** @throws ArmormError too_long, invalid_conversation, no_gate, ... */
  encode(conversation: Conversation, truncation: Truncation): Promise<TokenizedConversation>
}

/** Outputs of the heads for one sequence over K objectives, and how long they took. */
export interface RatedSequence {
  /** `[K]` raw outputs of the regression layer. */
  readonly ratings: Float32Array
  /** `[K]` gating weights; they sum to the logit scale. */
  readonly gating: Float32Array
  /** `[K]` ratings after the reward transform. */
  readonly adjusted: Float32Array
  /** Sum over objectives of gating weight times adjusted rating, as the heads computed it in float32. */
  readonly score: number
  /** Sequences in the batch that this one ran in. */
  readonly batchSize: number
  /** Milliseconds from arrival to the start of the batch. */
  readonly queueMs: number
  /** Milliseconds that the batch took. */
  readonly runMs: number
}

export interface Rater {
  /** @throws ArmormError engine_failed, engine_unavailable, shutting_down. */
  rate(sequence: EngineSequence): Promise<RatedSequence>
}
