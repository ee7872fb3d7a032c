/** The token pattern that marks the end of the prompt in raw text and token ids. */
import type { Manifest } from '../bundle/manifest.js'
import type { HeadsConfig, ModelConfig } from '../checkpoint/config.js'
import { ArmormError } from '../errors.js'

/** `<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n` (modeling_custom.py of ArmoRM-Llama3-8B-v0.1). */
const LLAMA3_PATTERN = [128009, 128006, 78191, 128007, 271]
const LLAMA3_BOS = 128000
const LLAMA3_VOCAB_SIZE = 128256

/** The published vocabulary, or that with padding tokens behind it. */
const hasLlama3Vocabulary = ({ vocabSize, bosTokenId }: ModelConfig): boolean =>
  vocabSize >= LLAMA3_VOCAB_SIZE &&
  vocabSize <= LLAMA3_VOCAB_SIZE + 256 &&
  (bosTokenId === null || bosTokenId === LLAMA3_BOS)

/** What the checkpoint's own text files say: null without a tokenizer. */
export interface TemplateGate {
  /** Ids between the end of the prompt and the answer in the chat template; null when none can be derived. */
  readonly pattern: readonly number[] | null
}

/**
 * The caller's pattern, else the checkpoint's `gating_token_pattern`, else the chat template's, else Llama-3's where
 * there is no tokenizer and the vocabulary is Llama-3's.
 * @throws ArmormError unsupported_checkpoint when none of these gives one, or an id is outside the vocabulary
 */
export function resolveGate(
  config: ModelConfig,
  given: readonly number[] | undefined,
  template: TemplateGate | null
): Manifest['gate'] {
  const gate = choose(config, given, template)
  checkIds(gate, config.vocabSize)
  return gate
}

/**
 * The gate of a bundle whose heads are replaced: the caller's pattern, else the bundle's own.
 * @throws ArmormError unsupported_checkpoint when the heads state another pattern, or an id is outside the vocabulary
 */
export function gateOfNewHeads(
  { gatingTokenPattern: stated }: HeadsConfig,
  given: readonly number[] | undefined,
  bundle: Manifest['gate'],
  vocabSize: number
): Manifest['gate'] {
  if (given) {
    const gate: Manifest['gate'] = { pattern: [...given], source: 'option' }
    checkIds(gate, vocabSize)
    return gate
  }
  if (stated && stated.join() !== bundle.pattern?.join()) {
    throw new ArmormError(
      'unsupported_checkpoint',
      `gating_token_pattern ${stated.join(',')} is not the bundle's gate pattern ${bundle.pattern?.join(',') ?? '(none)'}; use --gate-pattern to say which one`
    )
  }
  return bundle
}

function checkIds({ pattern }: Manifest['gate'], vocabSize: number): void {
  const outside = pattern?.find((id) => id >= vocabSize)
  if (outside === undefined) return
  throw new ArmormError(
    'unsupported_checkpoint',
    `the gate pattern's id ${outside} is outside the vocabulary of ${vocabSize}`
  )
}

function choose(
  config: ModelConfig,
  given: readonly number[] | undefined,
  template: TemplateGate | null
): Manifest['gate'] {
  if (given) return { pattern: [...given], source: 'option' }
  if (config.gatingTokenPattern) return { pattern: [...config.gatingTokenPattern], source: 'config' }
  if (template?.pattern) return { pattern: [...template.pattern], source: 'chat_template' }
  if (!template && hasLlama3Vocabulary(config)) return { pattern: LLAMA3_PATTERN, source: 'llama3' }
  throw new ArmormError(
    'unsupported_checkpoint',
    "nothing says where the prompt ends: config.json has no gating_token_pattern, no chat template gives one, and the vocabulary is not Llama-3's; use --gate-pattern"
  )
}
