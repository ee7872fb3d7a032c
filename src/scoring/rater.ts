/** What scoring needs from the rooms below it: someone who tokenizes and someone who rates. */
import type { EngineSequence } from '../engine/contract.js'
import type { CallerState, RatedSequence } from '../scheduling/rated-sequence.js'
import type { Conversation, TokenizedConversation, Truncation } from '../text/conversation.js'

export interface Tokenize {
  /**
   * @param caller - once it has gone, what no tokenizer has begun is given up.
   * @throws ArmormError too_long, invalid_conversation, no_gate, ...; the reason of `caller`
   */
  encode(conversation: Conversation, truncation: Truncation, caller?: CallerState): Promise<TokenizedConversation>
}

export interface Rater {
  /**
   * @param caller - once it has gone or its deadline has passed, the sequence is dropped unless it runs already.
   * @throws ArmormError engine_failed, engine_unavailable, shutting_down, deadline_exceeded; the reason of `caller`.
   */
  rate(sequence: EngineSequence, caller?: CallerState): Promise<RatedSequence>
}
