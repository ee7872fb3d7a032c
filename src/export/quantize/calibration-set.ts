/** What an 8-bit backbone is calibrated with: conversations, or made-up token ids where there is no tokenizer. */
import { fileURLToPath } from 'node:url'
import { dataRows } from '../../data/rows.js'
import type { EngineSequence } from '../../engine/contract.js'
import { ArmormError } from '../../errors.js'
import type { Message } from '../../text/conversation.js'
import type { TextModel } from '../../text/text-model.js'
import { seeded } from '../../random.js'

/** The packaged conversations; data, which stays beside the sources and is not compiled. */
export const CALIBRATION_FILE = fileURLToPath(new URL('../../../../models/calibration.jsonl', import.meta.url))

const MADE_UP_SEQUENCES = 48
const MADE_UP_TOKENS = 128

interface Group {
  readonly prompt: readonly Message[]
  readonly responses: readonly string[]
}

function isGroup(value: object): value is Group {
  const { prompt, responses } = value as Partial<Record<keyof Group, unknown>>
  const text = (part: unknown): boolean => typeof part === 'string'
  return (
    Array.isArray(prompt) &&
    prompt.length > 0 &&
    prompt.every((message: Partial<Message> | null) => text(message?.role) && text(message?.content)) &&
    Array.isArray(responses) &&
    responses.length > 0 &&
    responses.every(text)
  )
}

/**
 * Reads conversations, one JSON object a line: `{"prompt": [messages], "responses": [texts]}`.
 * @throws ArmormError invalid_data naming file and line
 */
export async function readConversations(path: string): Promise<Message[][]> {
  const conversations: Message[][] = []
  for await (const { place, value } of dataRows(path)) {
    if (!isGroup(value)) {
      throw new ArmormError('invalid_data', `${place} is no {"prompt": [messages], "responses": [texts]}`)
    }
    const { prompt, responses } = value
    for (const content of responses) conversations.push([...prompt, { role: 'assistant', content }])
  }
  if (conversations.length === 0) throw new ArmormError('invalid_data', `calibration data ${path} is empty`)
  return conversations
}

/** What ends a sentence or an item, and the white space behind it. */
const SENTENCE_END = /[.!?:;](?=\s)/g
/** Of a longer answer's ends as many as these, evenly: each cut is tokenized and kept in full. */
const MOST_CUTS = 32

/**
 * A conversation, and before it the same with its answer cut behind each sentence: ends of answers are few, and count
 * most. Since beginnings are computed once, a cut costs one token.
 */
function withCuts(messages: readonly Message[]): (readonly Message[])[] {
  const answer = messages.at(-1)!
  const before = messages.slice(0, -1)
  const ends = [...answer.content.matchAll(SENTENCE_END)]
  const every = Math.ceil(ends.length / MOST_CUTS)
  const cuts = ends
    .filter((_, i) => i % every === 0)
    .map(({ index }) => [...before, { ...answer, content: answer.content.slice(0, index + 1) }])
  return [...cuts, messages]
}

/**
 * Conversations as the engine takes them, each answer also cut behind its sentences; what is too long for the model even
 * without its prompt is left out.
 * @throws ArmormError invalid_data for conversations that this model's tokenizer or template refuses, or none that fits
 */
export function tokenized(conversations: readonly Message[][], text: TextModel, path: string): EngineSequence[] {
  const sequences = conversations.flatMap((conversation, i) => {
    try {
      return withCuts(conversation).map((messages) => {
        const { ids, gateIndex } = text.encode({ kind: 'messages', messages }, 'prompt_left')
        return { ids, gateIndex }
      })
    } catch (error) {
      if (!(error instanceof ArmormError)) throw error
      if (error.code === 'too_long') return []
      const message = `conversation ${i} of the calibration data ${path} is refused: ${error.message}`
      throw new ArmormError('invalid_data', message, {}, error)
    }
  })
  if (sequences.length > 0) return sequences
  throw new ArmormError('invalid_data', `no conversation of the calibration data ${path} fits into the model`)
}

/** Token ids from the whole vocabulary, the same for the same model. */
export function madeUp(vocabSize: number, maxTokens: number): EngineSequence[] {
  const uniform = seeded(1)
  return Array.from({ length: MADE_UP_SEQUENCES }, () => {
    const length = Math.min(maxTokens, MADE_UP_TOKENS)
    return { ids: Int32Array.from({ length }, () => Math.floor(uniform() * vocabSize)), gateIndex: 0 }
  })
}
