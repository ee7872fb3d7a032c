/** What scoring needs from the rooms below it: someone who tokenizes and someone who rates. */
import type { EngineSequence } from '../engine/contract.js'
import type { RatedSequence } from '../scheduling/rated-sequence.js'
import type { Conversation, TokenizedConversation, Truncation } from '../text/conversation.js'

export interface Tokenize {
  /** @throws ArmormError too_long, invalid_conversation, no_gate, ... */
  encode(conversation: Conversation, truncation: Truncation): Promise<TokenizedConversation>
}

export interface Rater {
  /**
   * @param signal - once aborted, the sequence is dropped unless it runs already.
   * @throws ArmormError engine_failed, engine_unavailable, shutting_down; the reason of `signal`.
   */
  rate(sequence: EngineSequence, signal?: AbortSignal): Promise<RatedSequence>
}
