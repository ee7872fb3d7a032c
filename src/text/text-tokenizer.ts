/**
 * Text to token ids, equal to the Python library `tokenizers`, with the splitting on added tokens taken out of
 * @huggingface/tokenizers' hands: that library recognises special tokens in any text, so text written by a policy
 * under training could forge the end of its own turn.
 */
import { type AddedToken, AddedTokenMatcher, type Segment } from './added-tokens.js'
import {
  ByteLevelPreTokenizer,
  DigitsPreTokenizer,
  type LibraryTokenizer,
  type PreTokenizer,
  SequencePreTokenizer,
  Tokenizer
} from './library.js'

/** What is used of tokenizer.json. */
interface TokenizerJson {
  readonly added_tokens?: readonly (Partial<AddedToken> & Pick<AddedToken, 'id' | 'content'>)[]
  readonly model: {
    type?: string
    byte_fallback?: boolean
    continuing_subword_prefix?: string | null
    end_of_word_suffix?: string | null
    vocab: Record<string, number> | [string, number][]
    merges?: (string | [string, string])[]
    unk_token?: string | null
  }
  readonly post_processor?: PostProcessorJson | null
  readonly [key: string]: unknown
}

interface PostProcessorJson {
  readonly type: string
  readonly single?: readonly { readonly SpecialToken?: { readonly id: string } }[]
  readonly processors?: readonly PostProcessorJson[]
}

/**
 * Prefixed to the vocabulary's own entry of a special token. Text is well-formed when it reaches the model, so no
 * text holds a lone surrogate and none can be looked up as such an entry.
 */
const UNREACHABLE = '\ud800'

/** GPT-2's pattern with Unicode's white space: JavaScript's `\s` has U+FEFF in it and lacks U+0085. */
const BYTE_LEVEL_PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

export class TextTokenizer {
  /** All added tokens as they are written; tokens flagged special are matched here whatever their `normalized`. */
  readonly written: AddedTokenMatcher
  /** Only the special ones, to find what content must not say. */
  readonly special: AddedTokenMatcher
  readonly specialIds: ReadonlySet<number>
  /** Token that the post-processor puts first (a family's BOS), or null. */
  readonly firstTokenOfPostProcessor: string | null
  readonly #normalized: AddedTokenMatcher
  readonly #library: LibraryTokenizer
  readonly #added: ReadonlyMap<string, AddedToken>
  /** Characters that the model drops, null when it drops none. */
  readonly #dropped: RegExp | null

  /**
   * Takes the parsed tokenizer.json over: it is changed and must not be used afterwards (a copy would double the
   * memory of a large vocabulary).
   * @throws Error from the library for a tokenizer of an unknown kind.
   */
  constructor(json: unknown, config: object) {
    const tokenizer = json as TokenizerJson
    const added = (tokenizer.added_tokens ?? []).map(withDefaults)
    const special = added.filter((token) => token.special)
    hideSpecials(tokenizer.model, new Set(special.map((token) => token.content)))
    this.#library = new Tokenizer(
      { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...tokenizer, added_tokens: [] },
      config
    )
    correctPatterns(this.#library.pre_tokenizer)
    this.#dropped = droppedCharacters(tokenizer.model, this.#library.model.tokens_to_ids.keys())

    const asWritten = (token: AddedToken) => token.special || !token.normalized
    const normalize = (text: string) => this.#library.normalizer?.normalize(text) ?? text
    this.written = new AddedTokenMatcher(added.filter(asWritten).map((token) => [token.content, token]))
    this.special = new AddedTokenMatcher(special.map((token) => [token.content, token]))
    this.specialIds = new Set(special.map(({ id }) => id))
    this.#normalized = new AddedTokenMatcher(
      added.filter((token) => !asWritten(token)).map((token) => [normalize(token.content), token])
    )
    this.#added = new Map(added.map((token) => [token.content, token]))
    this.firstTokenOfPostProcessor = firstTokenOf(tokenizer.post_processor ?? null)
  }

  /** Id of an added token or of an entry of the vocabulary. */
  idOf(token: string): number | null {
    return this.#added.get(token)?.id ?? this.#library.model.tokens_to_ids.get(token) ?? null
  }

  /**
   * Ids of a text in which every added token counts, special ones too: `Tokenizer.encode(text,
   * add_special_tokens=False).ids` in Python. Nothing is added.
   * @returns `[tokens]` ids.
   */
  encode(text: string): number[] {
    return this.written.split(text).flatMap((segment) => this.encodeSegment(segment, text))
  }

  /** Ids of one segment of `text`; `restored` is what its text stands for, where that differs. */
  encodeSegment(segment: Segment, text: string, restored = text.slice(segment.start, segment.end)): number[] {
    return segment.token ? [segment.token.id] : this.encodeOrdinary(restored, segment.start === 0)
  }

  /**
   * Ids of text that lies between two added tokens. The text may spell special tokens: they stay plain text. The one
   * special id that can come out is the model's unknown token, for characters that the vocabulary lacks.
   * @param atStart whether it starts the whole text (some pre-tokenizers put a space there).
   */
  encodeOrdinary(text: string, atStart: boolean): number[] {
    const { normalizer, pre_tokenizer: preTokenizer, model } = this.#library
    if (text.length === 0) return []
    const normal = normalizer?.normalize(text) ?? text
    const ids: number[] = []
    for (const { token, start, end } of this.#normalized.split(normal)) {
      if (token) {
        ids.push(token.id)
        continue
      }
      const piece = normal.slice(start, end)
      const options = { section_index: atStart && start === 0 ? 0 : 1 }
      let words = preTokenizer ? preTokenizer.pre_tokenize(piece, options) : [piece]
      const dropped = this.#dropped
      if (dropped) words = words.map((word) => word.replace(dropped, ''))
      for (const entry of model._call(words)) {
        const id = model.tokens_to_ids.get(entry) ?? model.unk_token_id
        if (id !== undefined) ids.push(id)
      }
    }
    return ids
  }
}

function withDefaults(token: Partial<AddedToken> & Pick<AddedToken, 'id' | 'content'>): AddedToken {
  const { id, content, special = false, single_word = false, lstrip = false, rstrip = false } = token
  return { id, content, special, single_word, lstrip, rstrip, normalized: token.normalized ?? !special }
}

/**
 * Takes special tokens out of the reach of the model's own lookups and merges (`ignore_merges`, models without a
 * pre-tokenizer): only matching as an added token may yield them.
 */
function hideSpecials(model: TokenizerJson['model'], special: ReadonlySet<string>): void {
  const { vocab } = model
  if (Array.isArray(vocab)) {
    for (const entry of vocab) if (special.has(entry[0])) entry[0] = UNREACHABLE + entry[0]
  } else {
    for (const content of special) {
      const id = vocab[content]
      if (id === undefined) continue
      delete vocab[content]
      vocab[UNREACHABLE + content] = id
    }
  }
  if (typeof model.unk_token === 'string' && special.has(model.unk_token)) {
    model.unk_token = UNREACHABLE + model.unk_token
  }
  if (model.merges && special.size > 0) {
    model.merges = model.merges.filter((merge) => {
      const merged = Array.isArray(merge) ? merge.join('') : merge.replace(' ', '')
      return !special.has(merged)
    })
  }
}

/**
 * A BPE model without unknown token drops characters that its vocabulary lacks (SmolLM2's lacks some control
 * characters). Rust drops them before merging, so that their neighbours can merge; the library after.
 */
function droppedCharacters(model: TokenizerJson['model'], entries: Iterable<string>): RegExp | null {
  const { type, unk_token: unknown, byte_fallback: fallback } = model
  const affixes = [model.continuing_subword_prefix, model.end_of_word_suffix].some((affix) => Boolean(affix))
  if (type !== 'BPE' || typeof unknown === 'string' || fallback || affixes) return null
  const known = [...entries].filter((entry) => entry.length <= 2 && [...entry].length === 1)
  const escaped = known.map((character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
  return new RegExp(`[^${escaped.join('')}]`, 'gu')
}

/** Gives the library's hard-coded patterns the character classes of the Rust library. */
function correctPatterns(preTokenizer: PreTokenizer | null): void {
  if (preTokenizer instanceof SequencePreTokenizer) preTokenizer.tokenizers.forEach(correctPatterns)
  else if (preTokenizer instanceof ByteLevelPreTokenizer) preTokenizer.pattern = BYTE_LEVEL_PATTERN
  else if (preTokenizer instanceof DigitsPreTokenizer) {
    preTokenizer.pattern = preTokenizer.config.individual_digits ? /\P{N}+|\p{N}/gu : /\P{N}+|\p{N}+/gu
  }
}

function firstTokenOf(processor: PostProcessorJson | null): string | null {
  if (processor?.type === 'Sequence') {
    return (processor.processors ?? []).map(firstTokenOf).find((token) => token !== null) ?? null
  }
  return processor?.type === 'TemplateProcessing' ? (processor.single?.[0]?.SpecialToken?.id ?? null) : null
}
