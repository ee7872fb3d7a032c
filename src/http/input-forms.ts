/** Turns an input of any known form into conversations. */
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type { Conversation, Message } from '../text/conversation.js'
import { ArmormError } from '../errors.js'
import type { ScoringInput } from '../scoring/reward.js'
import { InputId, MessagesInput, ResponseInput, ResponsesInput, TextInput, TokensInput } from './schemas/inputs.js'
import type { Limits } from './services.js'
import { checker, invalid, type Issue } from './validation.js'

export const FORMS =
  '{"messages"}, {"prompt", "response"}, {"prompt", "responses"}, {"text"} or {"input_ids"}, each with an optional "id"'

export interface ParsedInput {
  readonly id: InputId | undefined
  readonly input: ScoringInput
}

interface Form {
  /** The field that tells the form from all others. */
  readonly key: string
  readonly check: (value: unknown) => Issue[]
  readonly read: (value: object) => ScoringInput
}

function form<T extends TSchema>(key: string, schema: T, read: (value: Static<T>) => ScoringInput): Form {
  return { key, check: checker(schema), read: (value) => read(value as Static<T>) }
}

/** The first whose key is present reads the input. */
const forms: readonly Form[] = [
  form('messages', MessagesInput, ({ messages }) => one({ kind: 'messages', messages })),
  form('responses', ResponsesInput, ({ prompt, responses }) => ({
    kind: 'many',
    conversations: responses.map((response) => conversation(prompt, response))
  })),
  form('response', ResponseInput, ({ prompt, response }) => one(conversation(prompt, response))),
  form('prompt', ResponseInput, ({ prompt, response }) => one(conversation(prompt, response))),
  form('text', TextInput, ({ text }) => one({ kind: 'text', text })),
  form('input_ids', TokensInput, ({ input_ids: ids }) => one({ kind: 'ids', ids }))
]

function one(conversation: Conversation): ScoringInput {
  return { kind: 'one', conversation }
}

/** A prompt that is one text is the user's message. */
export function conversation(prompt: string | readonly Message[], response: string): Conversation {
  const before = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt
  return { kind: 'messages', messages: [...before, { role: 'assistant', content: response }] }
}

/**
 * Reads one input. What has no known form, or does not match its form, comes back as an input of kind `refused`.
 * @param pointer - JSON pointer to the input within the body, for the issues.
 */
export function parseInput(value: unknown, pointer: string): ParsedInput {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused(undefined, new ArmormError('invalid_request', `an input must be an object: ${FORMS}`))
  }
  const id = 'id' in value && Value.Check(InputId, value.id) ? value.id : undefined
  const known = forms.find(({ key }) => Object.hasOwn(value, key))
  if (known === undefined) {
    return refused(id, new ArmormError('invalid_request', `an input must have the form ${FORMS}`))
  }
  const issues = known.check(value)
  if (issues.length === 0) return { id, input: known.read(value) }
  const placed = issues.map(({ path, message }) => ({ path: pointer + path, message }))
  return refused(id, invalid(`an input with "${known.key}"`, placed))
}

function refused(id: InputId | undefined, error: ArmormError): ParsedInput {
  return { id, input: { kind: 'refused', error } }
}

/** @throws ArmormError too_many_inputs with both numbers, when a request holds more than one request may. */
export function requireFewEnough(conversations: number, { maxInputs }: Pick<Limits, 'maxInputs'>): void {
  if (conversations <= maxInputs) return
  const message = `the request holds ${conversations} conversations; one request may hold ${maxInputs}`
  throw new ArmormError('too_many_inputs', message, { conversations, limit: maxInputs })
}

/** Conversations that an input asks to rate, counted without reading it. */
export function countConversations(value: unknown): number {
  if (typeof value !== 'object' || value === null || !('responses' in value)) return 1
  return Array.isArray(value.responses) ? value.responses.length : 1
}
