/** Prompts that were decoded without their special tokens: of ChatML the roles are left, each on a line of its own. */
import type { ChatMessages } from '../chat-messages.js'

/** What is left where ROLL took `assistant\n<think>` out of the opening of the answer. */
const REMOVED_OPENING = /\n(?:\n\n<\/think>\n\n|\n)?$/
const ROLES = new Set(['system', 'user', 'assistant'])

/**
 * The messages of `system\n...\nuser\n...\nassistant\n`; null for a text of another form. The opening of the answer is
 * no message, and may be missing. A line of a message that is the name of a role cannot be told from the next turn.
 */
export function withoutSpecialTokens(prompt: string): ChatMessages | null {
  const turns: { role: string; lines: string[] }[] = []
  for (const line of prompt.split('\n')) {
    if (ROLES.has(line)) turns.push({ role: line, lines: [] })
    else if (turns.length === 0) return null
    else turns.at(-1)?.lines.push(line)
  }
  const messages = turns.map(({ role, lines }) => ({ role, content: lines.join('\n') }))
  const last = messages.at(-1)
  if (last === undefined) return null
  if (last.role === 'assistant' && last.content.trim() === '') messages.pop()
  else last.content = last.content.replace(REMOVED_OPENING, '')
  return messages.at(-1)?.role === 'user' ? messages : null
}
