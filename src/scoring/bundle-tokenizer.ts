import type { Bundle } from '../bundle/load.js'
import { TokenizerPool, type TokenizerPoolOptions } from '../text/pool.js'

/** What a bundle does not say of its tokenizer. */
export interface BundleTokenizerOptions extends Pick<TokenizerPoolOptions, 'threads' | 'deadlineMs'> {
  /** Longest conversation in tokens; default: the model's own limit. */
  readonly maxTokens?: number
}

/** Starts tokenizer workers for a bundle's model. */
export function bundleTokenizer(
  { folder, manifest }: Bundle,
  { threads, deadlineMs, maxTokens = manifest.max_tokens }: BundleTokenizerOptions
): Promise<TokenizerPool> {
  return TokenizerPool.create({
    folder,
    hasTokenizer: manifest.tokenizer,
    maxTokens,
    vocabSize: manifest.backbone.vocab_size,
    gatePattern: manifest.gate.pattern,
    threads,
    deadlineMs
  })
}
