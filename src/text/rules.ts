/** Which messages form a conversation that can be rated. */
import { ArmormError } from '../errors.js'
import type { Message } from './conversation.js'

export const ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const

/**
 * Checks and copies messages: at least one user message, the last message the assistant's. Contents may be empty; a
 * lone surrogate in one becomes U+FFFD, as it has no UTF-8. What order of roles is allowed is the chat template's matter.
 * @throws ArmormError invalid_conversation; `details.message_index` where one message is at fault.
 */
export function checkMessages(messages: readonly Message[]): Message[] {
  if (messages.length === 0) throw new ArmormError('invalid_conversation', '`messages` is empty')
  const checked = messages.map((message: unknown, index): Message => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown }
    if (typeof role !== 'string') refuse(index, 'has no role')
    if (!(ROLES as readonly string[]).includes(role))
      refuse(index, `has an unknown role; known are ${ROLES.join(', ')}`)
    if (typeof content !== 'string') refuse(index, 'has no content that is a string')
    return { role, content: wellFormed(content) }
  })
  const last = checked.length - 1
  if (checked[last]?.role !== 'assistant') {
    refuse(last, "is the last and not the assistant's: a conversation ends with the answer to rate")
  }
  if (!checked.some(({ role }) => role === 'user')) {
    throw new ArmormError('invalid_conversation', 'there is no user message before the answer')
  }
  return checked
}

/** The text with every lone surrogate (what has no UTF-8) turned into U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}

function refuse(index: number, what: string): never {
  throw new ArmormError('invalid_conversation', `message ${index} ${what}`, { message_index: index })
}
