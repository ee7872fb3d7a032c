/** Messages as OpenAI's clients send them: content is a text, or parts of which all are text. */
import { type Static, Type } from 'typebox'
import { ArmormError } from '../../errors.js'
import type { Conversation } from '../../text/conversation.js'

const Part = Type.Object({ type: Type.String(), text: Type.Optional(Type.String()) })

export const ChatMessages = Type.Array(
  Type.Object({
    role: Type.String({ minLength: 1, maxLength: 64 }),
    content: Type.Union([Type.String(), Type.Array(Part), Type.Null()])
  }),
  { title: 'ChatMessages', description: "The last message is the assistant's: the answer to rate." }
)
export type ChatMessages = Static<typeof ChatMessages>

/** The conversation; an error invalid_conversation in its place when a message has a part that is no text. */
export function readChatMessages(messages: ChatMessages): Conversation | ArmormError {
  const read = messages.map(({ role, content }) => ({ role, content: textOf(content) }))
  const other = read.findIndex(({ content }) => content === null)
  if (other >= 0) {
    const message = `message ${other} has a part that is no text; this model reads text only`
    return new ArmormError('invalid_conversation', message, { message_index: other })
  }
  return { kind: 'messages', messages: read.map(({ role, content }) => ({ role, content: content ?? '' })) }
}

/** null when a part is no text. */
function textOf(content: ChatMessages[number]['content']): string | null {
  if (content === null || typeof content === 'string') return content ?? ''
  if (content.some(({ type, text }) => type !== 'text' || text === undefined)) return null
  return content.map(({ text }) => text).join('')
}
