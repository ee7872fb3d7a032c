/**
 * Text that a trainer rendered with its policy's chat template, turned back into messages. docs/rendered-text.md has
 * the rules and what they cannot tell.
 */
import { ArmormError } from '../../errors.js'
import type { Message } from '../conversation.js'
import { responseStart } from './border.js'
import { detect, type Detected, forced, labelled, openingsOf } from './detect.js'
import { endOf, skipSpaceBack, startOf } from './edges.js'
import type { Family, Template } from './templates.js'
import { withoutEmptyThinking, withoutThinking } from './thinking.js'
import { split, type Turn, withoutTail } from './turns.js'

export { FAMILIES, type Family } from './templates.js'

export interface RenderedInput {
  /** The prompt alone, where the trainer sends it. */
  readonly prompt?: string
  /** Prompt and response, rendered. */
  readonly text: string
}

export interface ReadOptions {
  /** The template to assume; `auto` tells it from the text. */
  readonly family: 'auto' | Family
  /** What becomes of blocks of reasoning at the start of assistant messages. */
  readonly thinking: 'keep' | 'drop'
}

export interface ReadConversation {
  /** The last one is the assistant's, and one before it the user's. */
  readonly messages: Message[]
  /** `none` where no chat template was recognised. */
  readonly family: Family | 'none'
  /**
   * `prompt`: the text starts with the prompt, and all behind it is the answer. `parsed`: the whole text was split by
   * its markup. `raw`: by plain labels at the start of lines.
   */
  readonly how: 'prompt' | 'parsed' | 'raw'
}

/**
 * The conversation in a rendered text, its last message the answer to rate. Where `text` starts with `prompt`, nothing
 * that the answer holds changes the messages before it. Time grows with the length of the texts.
 * @throws ArmormError unparsable_text; `details.offset` is where turns were looked for (UTF-16 units).
 */
export function parseRendered(input: RenderedInput, options: ReadOptions): ReadConversation {
  const { prompt, text } = input
  // A prompt of padding alone says nothing about the text.
  const known = prompt !== undefined && skipSpaceBack(prompt, prompt.length) > startOf(prompt)
  if (known) {
    const at = responseStart(text, prompt)
    if (at !== null) return behindPrompt(prompt, text.slice(at), options)
  }
  const detected = detectIn(text, true, options)
  if (detected !== null) return wholeText(text, detected, 'parsed', options)
  const labels = known || options.family !== 'auto' ? null : labelled(text)
  if (labels !== null) return wholeText(text, labels, 'raw', options)
  const offset = startOf(text)
  const unlike = known ? 'the text does not start with its prompt, and ' : ''
  const openings = openingsOf(options.family).join(', ')
  throw unparsable(`${unlike}no turn of a chat template opens from offset ${offset} on: looked for ${openings}`, offset)
}

/** An answer by itself, decoded with its special tokens: without padding and end tokens behind it. */
export function readAnswer(answer: string, options: ReadOptions): string {
  return reasoned(stripped(answer, null), options)
}

function detectIn(text: string, cut: boolean, { family }: ReadOptions): Detected | null {
  return family === 'auto' ? detect(text, cut) : forced(text, family)
}

/** @param response all that follows the prompt; it is never searched for turns. */
function behindPrompt(prompt: string, response: string, options: ReadOptions): ReadConversation {
  const detected = detectIn(prompt, false, options)
  if (detected === null) {
    const question: Message = { role: 'user', content: prompt.slice(startOf(prompt), endOf(prompt)) }
    const answer = reasoned(stripped(response, null), options)
    return { messages: [question, { role: 'assistant', content: answer }], family: 'none', how: 'prompt' }
  }
  const { template, from } = detected
  const turns = split(prompt, template, from)
  const last = turns.at(-1)
  let begun = ''
  let owed = ''
  if (last?.role === 'assistant') {
    const content = last.raw.slice(0, endOf(last.raw))
    const empty = skipSpaceBack(content, content.length) === 0
    if (empty || !last.closed) {
      // The generation prompt; a block of reasoning that it opens, or words put into the answer's mouth, are the answer's.
      turns.pop()
      begun = empty ? '' : withoutEmptyThinking(content)
      owed = last.owed
    }
  }
  const rest = response.startsWith(owed) ? response.slice(owed.length) : response
  const answer = reasoned(begun + stripped(rest, template), options)
  const messages = [...history(turns, template, options), { role: 'assistant', content: answer }]
  return checked({ messages, family: template.family, how: 'prompt' }, from)
}

/** The last assistant turn is the answer; turns behind it are what a policy went on to write, and are dropped. */
function wholeText(
  text: string,
  { template, from }: Detected,
  how: 'parsed' | 'raw',
  options: ReadOptions
): ReadConversation {
  const turns = split(text, template, from)
  const last = turns.findLastIndex(({ role }) => role === 'assistant')
  const answer = turns[last]
  if (answer === undefined) throw unparsable(`no assistant turn opens from offset ${from} on`, from)
  const content = withoutEmptyThinking(stripped(answer.raw, template))
  const messages = history([...turns.slice(0, last), { ...answer, content }], template, options)
  return checked({ messages, family: template.family, how }, from)
}

function history(turns: readonly Turn[], template: Template, options: ReadOptions): Message[] {
  return turns.flatMap(({ role, content: written }, index) => {
    const content = role === 'assistant' ? reasoned(withoutEmptyThinking(written), options) : written
    return template.refine?.({ role, content }, index === 0) ?? [{ role, content }]
  })
}

/** An answer without padding and end tokens behind it. One that was cut by length has none, and stays whole. */
function stripped(answer: string, template: Template | null): string {
  const end = endOf(answer)
  const content = answer.slice(0, end)
  return template === null || end === answer.length ? content : withoutTail(content, template)
}

function reasoned(answer: string, { thinking }: ReadOptions): string {
  return thinking === 'drop' ? withoutThinking(answer) : answer
}

function checked(parsed: ReadConversation, from: number): ReadConversation {
  if (parsed.messages.some(({ role }) => role === 'user')) return parsed
  throw unparsable(`no user turn opens from offset ${from} on, before the answer`, from)
}

function unparsable(message: string, offset: number): ArmormError {
  return new ArmormError('unparsable_text', message, { offset })
}
