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

export interface VocabularyModel {
  readonly tokens_to_ids: Map<string, number>
  readonly unk_token_id?: number
  /** Pieces to entries of the vocabulary, unknown tokens fused where the model asks for it. */
  _call(pieces: string[]): string[]
}

export interface LibraryTokenizer {
  readonly normalizer: Normalizer | null
  readonly pre_tokenizer: PreTokenizer | null
  readonly model: VocabularyModel
}

interface Library {
  readonly Tokenizer: new (tokenizer: object, config: object) => LibraryTokenizer
  readonly ByteLevelPreTokenizer: new () => PatternPreTokenizer
  readonly DigitsPreTokenizer: new () => PatternPreTokenizer & { config: { individual_digits?: boolean } }
  readonly SequencePreTokenizer: new () => PreTokenizer & { tokenizers: (PreTokenizer | null)[] }
}

export const { Tokenizer, ByteLevelPreTokenizer, DigitsPreTokenizer, SequencePreTokenizer } =
  tokenizers as unknown as Library
