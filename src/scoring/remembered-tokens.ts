/** A tokenizer that remembers: a repeat costs a digest of its text, also while the server is too busy to tokenize. */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { CallerState } from '../scheduling/rated-sequence.js'
import type { Conversation, TokenizedConversation, Truncation } from '../text/conversation.js'
import type { Tokenize } from './rater.js'

/** Bytes that an entry takes beside its ids (measured): key, objects, the array's own, the cache's slots. */
const ENTRY_OVERHEAD = 900

export class RememberedTokens implements Tokenize {
  readonly #tokenizer: Tokenize
  readonly #kept: LRUCache<string, TokenizedConversation> | null

  /** @param maxBytes - of token ids to keep; 0 keeps none */
  constructor(tokenizer: Tokenize, maxBytes: number) {
    this.#tokenizer = tokenizer
    const sizeCalculation = ({ ids }: TokenizedConversation) => ENTRY_OVERHEAD + ids.byteLength
    this.#kept = maxBytes > 0 ? new LRUCache({ maxSize: maxBytes, sizeCalculation }) : null
  }

  /** What is known without tokenizing. */
  recall(conversation: Conversation, truncation: Truncation): TokenizedConversation | undefined {
    return this.#kept?.get(keyOf(conversation, truncation))
  }

  async encode(
    conversation: Conversation,
    truncation: Truncation,
    caller?: CallerState
  ): Promise<TokenizedConversation> {
    if (!this.#kept) return this.#tokenizer.encode(conversation, truncation, caller)
    const key = keyOf(conversation, truncation)
    const known = this.#kept.get(key)
    if (known) return known
    const tokenized = await this.#tokenizer.encode(conversation, truncation, caller)
    this.#kept.set(key, tokenized)
    return tokenized
  }
}

function keyOf(conversation: Conversation, truncation: Truncation): string {
  return createHash('sha256')
    .update(JSON.stringify([truncation, conversation]))
    .digest('base64')
}
