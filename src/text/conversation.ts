/** What can be rated, in the three forms in which callers have it. */
export type Conversation =
  | { readonly kind: 'messages'; readonly messages: readonly Message[] }
  /** Already rendered by the model's own chat template; special tokens in it are honoured. */
  | { readonly kind: 'text'; readonly text: string }
  /** Token ids of the model's own vocabulary, used as they are. */
  | { readonly kind: 'ids'; readonly ids: readonly number[] }

export interface Message {
  readonly role: string
  readonly content: string
}

/** What to do with a conversation that has more tokens than the model takes. */
export type Truncation = 'none' | 'prompt_left'

/** A conversation as the engine takes it. */
export interface TokenizedConversation {
  /** `[tokens]` token ids, trimmed where asked; the reward is read at the last one. */
  readonly ids: Int32Array
  /** Index in `ids` of the token that closes the prompt: the gating network reads the hidden state there. */
  readonly gateIndex: number
  /** Tokens up to and including the header of the answer (those before the response). */
  readonly promptTokens: number
  /** Tokens cut from the left of the prompt; 0 when nothing was trimmed. */
  readonly trimmedTokens: number
}
