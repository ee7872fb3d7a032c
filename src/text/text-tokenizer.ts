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
import { IdMemory } from './memory.js'

/** What is used of tokenizer.json. */
interface TokenizerJson {
  readonly added_tokens?: readonly (Partial<AddedToken> & Pick<AddedToken, 'id' | 'content'>)[]
  readonly model: {
    type?: string
    byte_fallback?: boolean
    fuse_unk?: boolean
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

/** How entries spell a space, with bytes as characters or with SentencePiece's mark. */
const SPELLED_SPACE = /[\u0120\u2581]/g

/** Longer words are rare, and cost more to remember than they save. */
const LONGEST_REMEMBERED = 128

/** Bytes that a learned word takes, about. */
const WORD_BYTES = 256
/** The vocabulary's own words may take this much of the memory of words; the rest is for those that texts bring. */
const LEARNED_SHARE = 0.5

/** The two halves of pre-tokenizing. */
interface Words {
  /** @param atStart whether the text starts the whole text. */
  split(text: string, atStart: boolean): string[]
  /** Words as the model's vocabulary writes them. */
  spell(words: readonly string[]): string[]
}

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
  readonly #words: Words
  /** Whether a word's ids are the same whatever stands around it. */
  readonly #standalone: boolean
  readonly #wordIds: IdMemory
  /** Ids of whole stretches of ordinary text, none of which starts a text. */
  readonly #stretches: IdMemory

  /**
   * Takes the parsed tokenizer.json over: it is changed and must not be used afterwards (a copy would double the
   * memory of a large vocabulary).
   * @param memoryBytes how much to remember of words and of stretches of text; 0 remembers nothing.
   * @throws Error from the library for a tokenizer of an unknown kind.
   */
  constructor(json: unknown, config: object, memoryBytes = 0) {
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
    this.#words = wordsOf(this.#library.pre_tokenizer)
    this.#standalone = tokenizer.model.type === 'BPE' && !tokenizer.model.fuse_unk
    // Such words are remembered here, bounded in bytes and before their bytes are spelled out: once is enough.
    if (this.#standalone) this.#library.model.max_length_to_cache = 0
    this.#wordIds = new IdMemory(this.#standalone ? memoryBytes / 2 : 0)
    this.#stretches = new IdMemory(memoryBytes / 2)

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
    const ids: number[] = []
    for (const segment of this.written.split(text)) this.encodeSegment(segment, text, ids, false)
    return ids
  }

  /**
   * Appends the ids of one segment of `text` to `into`.
   * @param shared whether the segment may come again, so that it pays to remember it.
   * @param restored what its text stands for, where that differs.
   */
  encodeSegment(
    { token, start, end }: Segment,
    text: string,
    into: number[],
    shared: boolean,
    restored = text.slice(start, end)
  ): void {
    if (token) into.push(token.id)
    else if (!shared || start === 0) this.#encodeInto(restored, start === 0, into)
    else if (!this.#stretches.recall(restored, into)) {
      const from = into.length
      this.#encodeInto(restored, false, into)
      this.#stretches.remember(restored, into, from)
    }
  }

  /**
   * Ids of text that lies between two added tokens. The text may spell special tokens: they stay plain text. The one
   * special id that can come out is the model's unknown token, for characters that the vocabulary lacks.
   * @param atStart whether it starts the whole text (some pre-tokenizers put a space there).
   */
  encodeOrdinary(text: string, atStart: boolean): number[] {
    const ids: number[] = []
    this.#encodeInto(text, atStart, ids)
    return ids
  }

  /**
   * Encodes words that the vocabulary has as entries, so that the first texts find most of theirs in memory. Vocabularies
   * begin with what is frequent: as many of the first entries as a part of the memory holds, the most frequent last.
   * Yields after each entry, the work of some 20 µs, so that whoever has better to do can go on later.
   * @returns the words
   */
  *learnWords(): Generator<undefined, readonly string[]> {
    const learned: string[] = []
    const { tokens_to_ids: entries } = this.#library.model
    const first = Math.floor((LEARNED_SHARE * this.#wordIds.capacity) / WORD_BYTES)
    for (const entry of [...entries.keys()].slice(0, first).reverse()) {
      const words = this.#words.split(entry.replaceAll(SPELLED_SPACE, ' '), false)
      // Fragments, and entries that spell other bytes than a space in their own way, are left to the texts.
      const [word] = words
      if (word !== undefined && words.length === 1 && this.#words.spell(words).join('') === entry) {
        this.#encodeWord(word, [])
        learned.push(word)
      }
      yield
    }
    return learned
  }

  #encodeInto(text: string, atStart: boolean, into: number[]): void {
    if (text.length === 0) return
    const normal = this.#library.normalizer?.normalize(text) ?? text
    for (const { token, start, end } of this.#normalized.split(normal)) {
      if (token) {
        into.push(token.id)
        continue
      }
      const words = this.#words.split(normal.slice(start, end), atStart && start === 0)
      if (!this.#standalone) this.#encodeWords(words, into)
      else for (const word of words) this.#encodeWord(word, into)
    }
  }

  #encodeWord(word: string, into: number[]): void {
    if (word.length > LONGEST_REMEMBERED) this.#encodeWords([word], into)
    else if (!this.#wordIds.recall(word, into)) {
      const from = into.length
      this.#encodeWords([word], into)
      this.#wordIds.remember(word, into, from)
    }
  }

  #encodeWords(words: readonly string[], into: number[]): void {
    const { model } = this.#library
    const dropped = this.#dropped
    let spelled = this.#words.spell(words)
    if (dropped) spelled = spelled.map((word) => word.replace(dropped, ''))
    for (const entry of model._call(spelled)) {
      const id = model.tokens_to_ids.get(entry) ?? model.unk_token_id
      if (id !== undefined) into.push(id)
    }
  }
}

/**
 * Divides pre-tokenizing in two: where words end, and how a word's bytes are spelled as the model wants them. A word
 * that is remembered needs only the first.
 */
function wordsOf(preTokenizer: PreTokenizer | null): Words {
  const split = (text: string, atStart: boolean) =>
    preTokenizer ? preTokenizer.pre_tokenize(text, { section_index: atStart ? 0 : 1 }) : [text]
  const steps = preTokenizer instanceof SequencePreTokenizer ? preTokenizer.tokenizers : [preTokenizer]
  const last = steps.at(-1)
  if (!(last instanceof ByteLevelPreTokenizer) || last.add_prefix_space) {
    return { split, spell: (words) => [...words] }
  }
  const { pattern, use_regex: usesPattern } = last
  last.use_regex = false
  const before = steps.slice(0, -1)
  return {
    split(text, atStart) {
      const options = { section_index: atStart ? 0 : 1 }
      let pieces = [text]
      for (const step of before) pieces = step ? pieces.flatMap((piece) => step.pre_tokenize(piece, options)) : pieces
      return usesPattern ? pieces.flatMap((piece) => piece.match(pattern) ?? []) : pieces
    },
    spell: (words) => words.flatMap((word) => last.pre_tokenize(word, { section_index: 1 }))
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
