/** Files of answers to one prompt each, `{"prompt": ..., "responses": [...]}` a line, read as a stream. */
import { Type } from 'typebox'
import Schema from 'typebox/schema'
import { dataRows } from '../data/rows.js'
import { ArmormError } from '../errors.js'
import type { Conversation } from '../text/conversation.js'

/** Ranks of fewer answers say little, and chance much. */
export const SMALLEST_GROUP = 8

const FORM = `{"prompt": text or [messages], "responses": [${SMALLEST_GROUP} or more texts]}`

/** Other fields are not looked at. */
const Line = Type.Object({
  prompt: Type.Union([
    Type.String(),
    Type.Array(Type.Object({ role: Type.String(), content: Type.String() }, { additionalProperties: false }), {
      minItems: 1
    })
  ]),
  responses: Type.Array(Type.String())
})
const validator = Schema.Compile(Line)

export interface Group {
  /** `file:line` */
  readonly place: string
  /** One for each different answer. */
  readonly conversations: readonly Conversation[]
}

export interface GroupCounts {
  readonly groups: number
  readonly conversations: number
  /** Groups of fewer different answers than SMALLEST_GROUP. */
  readonly leftOut: number
}

/**
 * The groups of a file that have SMALLEST_GROUP different answers or more.
 * @throws ArmormError invalid_data naming file and line, and never quoting it
 */
export async function* answerGroups(path: string): AsyncGenerator<Group> {
  for await (const group of allGroups(path)) if (isLarge(group)) yield group
}

/**
 * Reads the whole file, so that what is wrong with it is known before any work.
 * @throws ArmormError invalid_data, also when no group is large enough
 */
export async function countGroups(path: string): Promise<GroupCounts> {
  const counts = { groups: 0, conversations: 0, leftOut: 0 }
  for await (const group of allGroups(path)) {
    if (isLarge(group)) {
      counts.groups++
      counts.conversations += group.conversations.length
    } else counts.leftOut++
  }
  if (counts.groups > 0) return counts
  throw new ArmormError('invalid_data', `${path} has no line with ${SMALLEST_GROUP} different answers to one prompt`)
}

const isLarge = ({ conversations }: Group): boolean => conversations.length >= SMALLEST_GROUP

async function* allGroups(path: string): AsyncGenerator<Group> {
  for await (const { place, value } of dataRows(path)) {
    if (!validator.Check(value)) throw new ArmormError('invalid_data', `${place} does not have the form ${FORM}`)
    const { prompt, responses } = value
    const before = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt
    const conversations = [...new Set(responses)].map((content): Conversation => ({
      kind: 'messages',
      messages: [...before, { role: 'assistant', content }]
    }))
    yield { place, conversations }
  }
}
