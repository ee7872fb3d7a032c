/** Conversations out of text that a trainer rendered in its policy's chat template. */
import { ArmormError } from '../../errors.js'
import type { Message } from '../conversation.js'

export const FAMILIES = ['chatml'] as const
export type Family = (typeof FAMILIES)[number]

export interface RenderedInput {
  /** The prompt as the trainer rendered it; where `text` begins with it, the rest is the answer. */
  readonly prompt?: string
  /** Prompt and answer, rendered. */
  readonly text: string
}

export interface ReadOptions {
  readonly family: 'auto' | Family
  /** What becomes of thinking blocks. */
  readonly thinking: 'keep' | 'drop'
}

export interface ReadConversation {
  readonly messages: Message[]
  readonly family: Family | 'none'
  /** `prompt`: the answer is what follows the prompt. `parsed`: found by its markup. `raw`: no markup known. */
  readonly how: 'prompt' | 'parsed' | 'raw'
}

const OPEN = '<|im_start|>'
const CLOSE = '<|im_end|>'

/**
 * Reads one text. Where it begins with the prompt, the rest is ONE assistant message, whatever markup it holds.
 * @throws ArmormError unparsable_text
 */
export function parseRendered({ prompt, text }: RenderedInput, _options: ReadOptions): ReadConversation {
  if (prompt !== undefined && text.startsWith(prompt)) {
    const parsed = chatml(prompt)
    const answer = { role: 'assistant', content: withoutClose(text.slice(prompt.length)) }
    if (parsed === null) {
      return { messages: [{ role: 'user', content: prompt }, answer], family: 'none', how: 'prompt' }
    }
    return { messages: [...parsed, answer], family: 'chatml', how: 'prompt' }
  }
  const messages = chatml(text)
  if (messages !== null) return { messages, family: 'chatml', how: 'parsed' }
  throw new ArmormError('unparsable_text', 'the text is in no chat template that is known')
}

/** Closed turns of a text in ChatML; null when it has none. A generation prompt at the end is no turn. */
function chatml(text: string): Message[] | null {
  const messages = text
    .split(OPEN)
    .slice(1)
    .flatMap((turn) => {
      const line = turn.indexOf('\n')
      const content = turn.slice(line + 1)
      return line < 0 || content === '' ? [] : [{ role: turn.slice(0, line), content: withoutClose(content) }]
    })
  return messages.length === 0 ? null : messages
}

function withoutClose(content: string): string {
  const close = content.lastIndexOf(CLOSE)
  return close < 0 ? content : content.slice(0, close)
}
