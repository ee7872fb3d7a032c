/** Rules that need token ids only: range, gate by pattern, truncation. Pure functions. */
import { ArmormError } from '../errors.js'
import type { TokenizedConversation, Truncation } from './conversation.js'

export interface TokenLimits {
  /** Longest sequence that the model takes, in tokens. */
  readonly maxTokens: number
  /** Ids are smaller than this. */
  readonly vocabSize: number
  /** Ids from the end of the prompt to the answer, null where the model has none. */
  readonly gatePattern: readonly number[] | null
}

/** Ids with the positions that a TokenizedConversation reports, before truncation. */
export interface Positions {
  readonly ids: readonly number[]
  readonly gateIndex: number
  readonly promptTokens: number
}

/**
 * A conversation that its caller has tokenized: used as it is, nothing added or dropped, gate by `findGate`. Ids carry
 * no promise against forging: whoever writes them decides where the prompt ends.
 * @param bosId kept at the front when the prompt is trimmed.
 * @throws ArmormError invalid_token_ids, no_gate, too_long.
 */
export function encodeIds(
  ids: readonly number[],
  limits: TokenLimits,
  truncation: Truncation,
  bosId: number | null = null
): TokenizedConversation {
  if (ids.length === 0) throw new ArmormError('invalid_token_ids', '`input_ids` is empty', { tokens: 0 })
  checkRange(ids, limits.vocabSize)
  return truncate({ ids, ...findGate(ids, limits.gatePattern) }, limits.maxTokens, truncation, bosId)
}

/** @throws ArmormError invalid_token_ids that names the first id that is not an integer in `[0, vocabSize)`. */
export function checkRange(ids: readonly number[], vocabSize: number): void {
  const index = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize)
  if (index >= 0) {
    throw new ArmormError(
      'invalid_token_ids',
      `token ${index} has the id ${ids[index]}; the vocabulary has ${vocabSize} entries, counted from 0`,
      { token_index: index, vocab_size: vocabSize }
    )
  }
}

/**
 * Gate position by token pattern, as ArmoRM's modeling code searches it (RLHFlow/ArmoRM-Llama3-8B-v0.1,
 * `find_token_for_gating`): the start of the last match. An answer that begins with a newline can merge with the last
 * token of the pattern; the reference then takes an earlier turn's header in silence, here it is refused.
 * @returns `promptTokens` counts up to the end of the match.
 * @throws ArmormError no_gate.
 */
export function findGate(
  ids: readonly number[],
  pattern: readonly number[] | null
): { gateIndex: number; promptTokens: number } {
  if (pattern === null || pattern.length === 0) {
    throw new ArmormError('no_gate', 'the model has no token pattern for the end of the prompt; send `messages`')
  }
  const gateIndex = lastMatch(ids, pattern)
  if (gateIndex < 0) {
    throw new ArmormError(
      'no_gate',
      `the token pattern [${pattern.join(', ')}] of the end of the prompt does not occur`
    )
  }
  if (pattern.length > 1 && lastMatch(ids, pattern.slice(0, -1)) > gateIndex) {
    throw new ArmormError(
      'no_gate',
      `the last answer does not start with the token ${pattern.at(-1)} that ends the pattern of the end of the prompt: ` +
        'its first characters have merged with the header'
    )
  }
  return { gateIndex, promptTokens: gateIndex + pattern.length }
}

function lastMatch(ids: readonly number[], pattern: readonly number[]): number {
  for (let start = ids.length - pattern.length; start >= 0; start--) {
    if (pattern.every((id, i) => ids[start + i] === id)) return start
  }
  return -1
}

/**
 * Fits a conversation into the model. `prompt_left` cuts tokens from the left of the prompt, but never a leading BOS
 * and nothing from the gate position on.
 * @throws ArmormError too_long with `tokens`, `max_tokens` and, where trimming was asked for, the `required_tokens`
 *   that cannot be cut.
 */
export function truncate(
  { ids, gateIndex, promptTokens }: Positions,
  maxTokens: number,
  truncation: Truncation,
  bosId: number | null
): TokenizedConversation {
  const tokens = ids.length
  const surplus = tokens - maxTokens
  if (surplus <= 0) return { ids: new Int32Array(ids), gateIndex, promptTokens, trimmedTokens: 0 }
  if (truncation === 'none') {
    throw new ArmormError('too_long', `the conversation has ${tokens} tokens, the model takes ${maxTokens}`, {
      tokens,
      max_tokens: maxTokens
    })
  }
  const kept = bosId !== null && ids[0] === bosId && gateIndex > 0 ? 1 : 0
  const required = tokens - gateIndex + kept
  if (required > maxTokens) {
    throw new ArmormError(
      'too_long',
      `the conversation has ${tokens} tokens, ${required} of them not to be trimmed; the model takes ${maxTokens}`,
      { tokens, max_tokens: maxTokens, required_tokens: required }
    )
  }
  return {
    ids: new Int32Array([...ids.slice(0, kept), ...ids.slice(kept + surplus)]),
    gateIndex: gateIndex - surplus,
    promptTokens: promptTokens - surplus,
    trimmedTokens: surplus
  }
}
