/** Renders messages with a model's Hugging Face chat template, as transformers' `apply_chat_template` does. */
import { Template } from '@huggingface/jinja'
import { ArmormError } from '../errors.js'
import type { Message } from './conversation.js'
import { TextMemory } from './memory.js'

/** What is used of tokenizer_config.json. */
export interface TokenizerConfig {
  readonly chat_template?: string | readonly { readonly name: string; readonly template: string }[]
  readonly add_bos_token?: boolean
  readonly [key: string]: unknown
}

/** Names under which a template finds the special tokens (transformers' `special_tokens_map`). */
const TOKEN_NAMES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token'
] as const

/** A template's own message is quoted up to this length. */
const QUOTED = 300
/** What stands for the contents when a refusal is quoted. */
const ANY_CONTENT = 'text'

export class ChatTemplate {
  readonly source: string
  readonly #template: Template
  readonly #variables: Readonly<Record<string, unknown>>
  readonly #renderings: TextMemory

  /**
   * @param memoryBytes how much to remember of what `renderShared` rendered; 0 remembers nothing.
   * @throws ArmormError bundle_invalid when the template does not parse.
   */
  constructor(source: string, config: TokenizerConfig, memoryBytes = 0) {
    this.source = source
    // A rendering that prints the date is another one tomorrow.
    this.#renderings = new TextMemory(source.includes('strftime_now') ? 0 : memoryBytes)
    try {
      // The package sets trim_blocks and lstrip_blocks, and provides raise_exception and strftime_now, as transformers does.
      this.#template = new Template(source)
    } catch (cause) {
      throw new ArmormError('bundle_invalid', `the chat template does not parse: ${text(cause)}`, {}, cause)
    }
    const tokens = TOKEN_NAMES.map((name) => [name, specialToken(config, name)] as const)
    this.#variables = {
      ...Object.fromEntries(tokens.filter(([, token]) => token !== null)),
      // transformers passes both, with None, where the caller gives none.
      tools: null,
      documents: null,
      add_generation_prompt: false
    }
  }

  /**
   * The rendering, with the answer closed and no header after it. One difference from Python: `trim` leaves the
   * control characters U+001C to U+001F and U+0085 at the ends of a content, which Python's strip() takes off.
   * @throws ArmormError template_failed with the template's own message.
   */
  render(messages: readonly Message[]): string {
    try {
      return this.#print(messages)
    } catch {
      throw new ArmormError('template_failed', `the chat template refuses these messages: ${this.#refusal(messages)}`)
    }
  }

  /**
   * `render` for messages that are likely to come again, such as those that several answers share.
   * @throws ArmormError template_failed, as `render` does.
   */
  renderShared(messages: readonly Message[]): string {
    return this.#renderings.get(messages, () => this.render(messages))
  }

  #print(messages: readonly Message[]): string {
    const plain = messages.map(({ role, content }) => ({ role, content }))
    return this.#template.render({ ...this.#variables, messages: plain })
  }

  /** The template's message about the same roles without their contents: errors never hold prompt text. */
  #refusal(messages: readonly Message[]): string {
    try {
      this.#print(messages.map(({ role }) => ({ role, content: ANY_CONTENT })))
    } catch (cause) {
      return text(cause).slice(0, QUOTED)
    }
    return 'its message depends on the text and is left out'
  }
}

/** The template's text: the file's, else tokenizer_config.json's (in the list form the one named `default`), else null. */
export function templateSource(file: string | null, config: TokenizerConfig): string | null {
  if (file !== null) return file
  const { chat_template: inline } = config
  if (inline === undefined || inline === null || typeof inline === 'string') return inline ?? null
  return inline.find(({ name }) => name === 'default')?.template ?? null
}

/** A special token's text; tokenizer_config.json has it as a string or as an object with `content`. */
export function specialToken(config: TokenizerConfig, name: (typeof TOKEN_NAMES)[number]): string | null {
  const entry = config[name]
  if (typeof entry === 'string') return entry
  const content = (entry as { content?: unknown } | null | undefined)?.content
  return typeof content === 'string' ? content : null
}

function text(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
