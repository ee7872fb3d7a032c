/**
 * Where the prompt ends and the answer lies in a rendered conversation, found by rendering it again with a
 * placeholder in the place of one content: what stays equal around the placeholder is the template's.
 */
import { ArmormError } from '../errors.js'
import type { ChatTemplate } from './chat-template.js'
import type { Message } from './conversation.js'

/** A rendering with the positions (UTF-16 units) at which it falls apart; 0 <= gateAt <= answerAt <= tailAt. */
export interface Rendering {
  readonly text: string
  /** End of the content before the answer: from here to `answerAt` the template closes the prompt and opens the answer. */
  readonly gateAt: number
  /** Start of the answer. */
  readonly answerAt: number
  /** End of the answer: from here on the template closes it. */
  readonly tailAt: number
}

/**
 * @param messages checked messages, the last one the answer.
 * @throws ArmormError template_failed when the template refuses the messages or prints no answer after a prompt.
 */
export function renderParts(template: ChatTemplate, messages: readonly Message[]): Rendering {
  const text = template.render(messages)
  const last = messages.length - 1
  const placeholder = unusedWord([text, template.source, ...messages.map(({ content }) => content)])
  // Answers to one prompt share this rendering, and conversations with the same roles those below with both replaced.
  const answer = around(template.renderShared(replaced(messages, last, placeholder)), placeholder)
  if (answer === null) throw new ArmormError('template_failed', 'the chat template does not print the last message')
  // A template that looks into the answer (thinking blocks) may print something else around the placeholder: then the
  // answer is what differs.
  const answerAt = commonStart(text, answer.before)
  const tailAt = text.length - Math.min(commonEnd(text, answer.after), text.length - answerAt)

  const other = `${placeholder}x`
  for (let index = last - 1; index >= 0; index--) {
    /** Where the prompt's content ends if what stands between it and the answer does not depend on the content. */
    const byBetween = () => {
      const both = template.renderShared(replaced(replaced(messages, index, placeholder), last, other))
      const between = around(around(both, other)?.before ?? '', placeholder)?.after
      const fits = between !== undefined && text.slice(0, answerAt).endsWith(between)
      return fits ? answerAt - between.length : null
    }
    // What stands before the answer does not depend on it: it need not be rendered with the answer in it.
    const early = answerAt === answer.before.length ? byBetween() : null
    if (early !== null) return { text, gateAt: early, answerAt, tailAt }

    const prompt = around(template.render(replaced(messages, index, placeholder)), placeholder)
    // Not printed (an empty system prompt, a role the template skips): the message before it ends the prompt.
    if (prompt === null) continue
    if (text.endsWith(prompt.after) && text.length - prompt.after.length <= answerAt) {
      return { text, gateAt: text.length - prompt.after.length, answerAt, tailAt }
    }
    // What follows depends on the content replaced; the text between the two, as other contents show it, still tells.
    const late = byBetween()
    if (late !== null) return { text, gateAt: late, answerAt, tailAt }
    break
  }
  throw new ArmormError('template_failed', 'the end of the prompt cannot be found in what the chat template prints')
}

function replaced(messages: readonly Message[], index: number, content: string): Message[] {
  return messages.map((message, i) => (i === index ? { ...message, content } : message))
}

/** What stands before and after the last occurrence of a placeholder; null when it does not occur. */
function around(text: string, placeholder: string): { before: string; after: string } | null {
  const at = text.lastIndexOf(placeholder)
  return at < 0 ? null : { before: text.slice(0, at), after: text.slice(at + placeholder.length) }
}

/** A word of letters that occurs in none of the texts, and that no filter of a template changes. */
function unusedWord(texts: readonly string[]): string {
  const taken = texts.flatMap((text) => text.match(/placeholderq*/g) ?? [])
  const longest = taken.reduce((length, word) => Math.max(length, word.length), 0)
  return longest === 0 ? 'placeholder' : 'placeholder'.padEnd(longest + 1, 'q')
}

function commonStart(a: string, b: string): number {
  if (a.startsWith(b)) return b.length
  let n = 0
  while (n < a.length && n < b.length && a[n] === b[n]) n++
  return n
}

function commonEnd(a: string, b: string): number {
  if (a.endsWith(b)) return b.length
  let n = 0
  while (n < a.length && n < b.length && a[a.length - 1 - n] === b[b.length - 1 - n]) n++
  return n
}
