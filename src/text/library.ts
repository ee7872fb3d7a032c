/**
 * The parts of @huggingface/tokenizers 0.2.0 that are used, with their types: the package's own declarations import
 * without file extensions, which TypeScript does not resolve for ES modules.
 */
import * as tokenizers from '@huggingface/tokenizers'

export interface Normalizer {
  normalize(text: string): string
}

export interface PreTokenizer {
  /** @param options `section_index` is 0 for what starts the whole text. */
  pre_tokenize(text: string, options: { section_index: number }): string[]
}

interface PatternPreTokenizer extends PreTokenizer {
  pattern: RegExp
}

/** Splits by `pattern` where `use_regex` says so, then writes each byte as one character of GPT-2's table. */
interface ByteLevelPreTokenizer extends PatternPreTokenizer {
  use_regex: boolean
  add_prefix_space: boolean
}

export interface VocabularyModel {
  readonly tokens_to_ids: Map<string, number>
  readonly unk_token_id?: number
  /** Pieces to entries of the vocabulary, unknown tokens fused where the model asks for it. */
  _call(pieces: string[]): string[]
  /** The library's own memory of words, in BPE models; it takes none longer than this. */
  max_length_to_cache?: number
}

export interface LibraryTokenizer {
  readonly normalizer: Normalizer | null
  readonly pre_tokenizer: PreTokenizer | null
  readonly model: VocabularyModel
}

interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer
  readonly ByteLevelPreTokenizer: new () => ByteLevelPreTokenizer
  readonly DigitsPreTokenizer: new () => PatternPreTokenizer & { config: { individual_digits?: boolean } }
  readonly SequencePreTokenizer: new () => PreTokenizer & { tokenizers: (PreTokenizer | null)[] }
}

export const { Tokenizer, ByteLevelPreTokenizer, DigitsPreTokenizer, SequencePreTokenizer } =
  tokenizers as unknown as Library
