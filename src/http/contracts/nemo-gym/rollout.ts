/** A rollout in the form of OpenAI's Responses: what the policy was asked, and the items that it put out. */
import { type Static, Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { readAnswer } from '../../../text/rendered/index.js'
import type { Message } from '../../../text/conversation.js'
import type { Call } from '../contract.js'
import type { ContractInput } from '../scoring.js'

const open = { additionalProperties: true }

const Part = Type.Object({ text: Type.Optional(Type.String()), refusal: Type.Optional(Type.String()) }, open)

/** Of the kinds of items, messages, calls of functions and their outputs are read; all others are not looked at. */
const Item = Type.Object(
  {
    type: Type.Optional(Type.String({ description: '`message` when left out.' })),
    role: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    content: Type.Optional(Type.Union([Type.String(), Type.Array(Part), Type.Null()])),
    name: Type.Optional(Type.String()),
    arguments: Type.Optional(Type.String()),
    output: Type.Optional(Type.Union([Type.String(), Type.Array(Part)]))
  },
  { ...open, title: 'ResponsesItem' }
)
type Item = Static<typeof Item>

export const Rollout = Type.Object(
  {
    responses_create_params: Type.Object(
      {
        input: Type.Union([Type.String(), Type.Array(Item)]),
        instructions: Type.Optional(Type.Union([Type.String(), Type.Null()]))
      },
      open
    ),
    response: Type.Object({ output: Type.Array(Item) }, open)
  },
  {
    ...open,
    title: 'NemoGymRequest',
    examples: [
      {
        responses_create_params: { input: [{ role: 'user', content: 'How much is 2+2?' }] },
        response: {
          id: 'resp_1',
          object: 'response',
          output: [
            {
              id: 'msg_1',
              type: 'message',
              role: 'assistant',
              status: 'completed',
              content: [{ type: 'output_text', text: '4', annotations: [] }]
            }
          ]
        }
      }
    ]
  }
)
export type Rollout = Static<typeof Rollout>

/**
 * The conversation whose answer is the last message of the output; items behind it are not part of it. Calls of
 * functions are messages of the assistant, their outputs of the role `tool`; reasoning is left out.
 * An error invalid_conversation in its place when a message has a part that is no text, or the output has no message.
 */
export function readRollout(
  { responses_create_params: { input, instructions }, response }: Rollout,
  { services }: Pick<Call, 'services'>
): ContractInput {
  const last = response.output.findLastIndex(({ type, role }) => isMessage(type) && role === 'assistant')
  if (last < 0) return new ArmormError('invalid_conversation', 'the output of the response has no assistant message')
  const asked: Item[] = typeof input === 'string' ? [{ role: 'user', content: input }] : input
  const before = instructions ? [{ role: 'system', content: instructions }, ...asked] : asked
  const messages: Message[] = []
  for (const [index, item] of [...before, ...response.output.slice(0, last + 1)].entries()) {
    const message = readItem(item)
    if (message === 'no text') {
      const place = `item ${index} of the rollout has a part that is no text; this model reads text only`
      return new ArmormError('invalid_conversation', place, { item_index: index })
    }
    if (message) messages.push(message)
  }
  const answer = messages.pop()
  const content = readAnswer(answer?.content ?? '', services.contracts.reading)
  return { kind: 'messages', messages: [...messages, { role: 'assistant', content }] }
}

function isMessage(type: string | undefined): boolean {
  return type === undefined || type === 'message'
}

/** null for an item that is no part of the text. */
function readItem({ type, role, content, name, arguments: given, output }: Item): Message | 'no text' | null {
  if (type === 'function_call') {
    return { role: 'assistant', content: JSON.stringify({ name: name ?? '', arguments: given ?? '' }) }
  }
  if (type !== 'function_call_output' && !isMessage(type)) return null
  const text = textOf(type === 'function_call_output' ? output : content)
  if (text === null) return 'no text'
  return { role: type === 'function_call_output' ? 'tool' : (role ?? 'user'), content: text }
}

/** null when a part is neither text nor a refusal in words. */
function textOf(content: Item['content']): string | null {
  if (content === undefined || content === null || typeof content === 'string') return content ?? ''
  const parts = content.map(({ text, refusal }) => text ?? refusal)
  return parts.includes(undefined) ? null : parts.join('')
}
