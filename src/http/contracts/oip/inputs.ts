/** Input tensors, read into conversations: which ones there are, and what their shapes mean. */
import { ArmormError } from '../../../errors.js'
import { requireFewEnough } from '../../input-forms.js'
import type { Limits } from '../../services.js'
import { checker } from '../../validation.js'
import { ChatMessages, readChatMessages } from '../chat-messages.js'
import { readPair } from '../pairs.js'
import type { ContractInput } from '../scoring.js'
import type { RequestTensor } from './schema.js'

export interface InputTensor {
  readonly name: string
  readonly datatype: 'BYTES' | 'INT64'
  /** Sizes behind the first dimension, which counts conversations; -1: any. */
  readonly dims: readonly number[]
}

/** The first is what clients mean that give no names. */
export const INPUTS: readonly InputTensor[] = [
  { name: 'text', datatype: 'BYTES', dims: [1] },
  { name: 'prompt', datatype: 'BYTES', dims: [1] },
  { name: 'response', datatype: 'BYTES', dims: [1] },
  { name: 'messages', datatype: 'BYTES', dims: [1] },
  // NeMo-Aligner's names, which it has for `text` and for padded token ids.
  { name: 'sentences', datatype: 'BYTES', dims: [1] },
  { name: 'tokens', datatype: 'INT64', dims: [-1] },
  { name: 'sequence_lengths', datatype: 'INT64', dims: [1] }
]

/** Which inputs go together. */
const FORMS = [['text'], ['text', 'prompt'], ['sentences'], ['prompt', 'response'], ['messages'], ['tokens']]
const INTEGERS = new Set(['INT32', 'INT64', 'UINT32', 'UINT64'])

/** A tensor whose shape is that of its data. */
interface Checked {
  readonly rows: number
  /** Elements of a row. */
  readonly width: number
  /** `[rows * width]` */
  readonly data: readonly unknown[]
  /** Whether the shape is `[n]`, not `[n, 1]`. */
  readonly flat: boolean
}

export interface Conversations {
  readonly items: ContractInput[]
  /** Whether outputs of one number a conversation have the shape `[n]`; else `[n, 1]`. As the inputs' own. */
  readonly flat: boolean
}

/** @throws ArmormError invalid_request naming the input by its place; too_many_inputs. */
export function readInputs(tensors: readonly RequestTensor[], limits: Pick<Limits, 'maxInputs'>): Conversations {
  const checked = new Map(tensors.map((tensor, i) => [tensor.name, check(tensor, i)]))
  requireForm(tensors, checked)
  const [first] = checked.values()
  const rows = first?.rows ?? 0
  const other = tensors.findIndex(({ name }) => checked.get(name)?.rows !== rows)
  if (other >= 0) {
    const message = `inputs[0] holds ${rows} and inputs[${other}] ${tensors[other]?.shape[0]} conversations: there must be as many`
    throw new ArmormError('invalid_request', message)
  }
  requireFewEnough(rows, limits)
  return { items: read(checked, rows), flat: first?.flat ?? true }
}

function check(tensor: RequestTensor, place: number): Checked {
  const { name, shape, datatype, data, parameters } = tensor
  const at = `inputs[${place}]`
  const known = INPUTS.find((input) => input.name === name)
  if (!known) throw refused(`${at} has a name that this model does not know; it takes ${nameList(INPUTS)}`)
  if (parameters && 'shared_memory_region' in parameters) {
    throw refused(`${at} is in shared memory, which this server does not read`)
  }
  const wide = known.dims[0] === -1
  const fits = known.datatype === 'BYTES' ? datatype === 'BYTES' : INTEGERS.has(datatype)
  if (!fits) {
    throw refused(`${at}, ${name}, must be of datatype ${wide ? [...INTEGERS].join(', ') : known.datatype}`)
  }
  const [rows = 0, width = 1] = shape
  const shaped = wide ? shape.length === 2 : shape.length === 1 || (shape.length === 2 && width === 1)
  if (!shaped) {
    throw refused(`${at}, ${name}, must have the shape ${wide ? '[n, L]' : '[n] or [n, 1]'}, not [${shape.join(', ')}]`)
  }
  if (data === undefined) throw refused(`${at}, ${name}, has no data`)
  const elements = data.flat()
  if (elements.length !== rows * width) {
    throw refused(`${at}, ${name}, has ${elements.length} elements, but the shape [${shape.join(', ')}]`)
  }
  const isElement = known.datatype === 'BYTES' ? (each: unknown) => typeof each === 'string' : Number.isInteger
  const wrong = elements.findIndex((each) => !isElement(each))
  if (wrong >= 0) {
    throw refused(`${at}, ${name}: element ${wrong} is no ${known.datatype === 'BYTES' ? 'text' : 'integer'}`)
  }
  return { rows, width, data: elements, flat: shape.length === 1 }
}

function requireForm(tensors: readonly RequestTensor[], checked: ReadonlyMap<string, Checked>): void {
  const names = [...checked.keys()].filter((name) => name !== 'sequence_lengths')
  const orphaned = checked.has('sequence_lengths') && !checked.has('tokens')
  const form = FORMS.find((form) => form.length === names.length && form.every((name) => checked.has(name)))
  if (form && !orphaned && tensors.length === checked.size) return
  const forms = FORMS.map((form) => form.join(' + ')).join('; ')
  throw refused(`the inputs must be one of: ${forms} (+ sequence_lengths); there are ${tensors.length}`)
}

function read(tensors: ReadonlyMap<string, Checked>, rows: number): ContractInput[] {
  const texts = (name: string) => tensors.get(name)?.data as readonly string[] | undefined
  const [text, prompt, response] = [texts('text') ?? texts('sentences'), texts('prompt'), texts('response')]
  const [messages, tokens] = [texts('messages'), tensors.get('tokens')]
  if (text) {
    return text.map((each, i) => ({
      kind: 'rendered',
      text: prompt ? { prompt: prompt[i] ?? '', text: each } : { text: each }
    }))
  }
  if (prompt && response) return prompt.map((each, i) => readPair(each, response[i] ?? ''))
  if (messages) return messages.map(readMessages)
  return tokens ? readTokens(tokens, tensors.get('sequence_lengths'), rows) : []
}

const messageIssues = checker(ChatMessages)

function readMessages(text: string): ContractInput {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return new ArmormError('invalid_conversation', 'the text is no JSON: messages are a JSON list of role and content')
  }
  const [issue] = messageIssues(parsed)
  if (issue) return new ArmormError('invalid_conversation', `the messages do not match: ${issue.path} ${issue.message}`)
  return readChatMessages(parsed as ChatMessages)
}

/** Rows of ids, cut to their lengths: what stands behind them is padding. */
function readTokens({ data, width }: Checked, lengths: Checked | undefined, rows: number): ContractInput[] {
  const ids = data as readonly number[]
  return Array.from({ length: rows }, (_, row) => {
    const length = lengths ? (lengths.data[row] as number) : width
    if (length < 0 || length > width) {
      throw refused(`sequence_lengths: element ${row} is ${length}, but the rows of tokens have ${width}`)
    }
    return { kind: 'ids', ids: ids.slice(row * width, row * width + length) }
  })
}

function refused(message: string): ArmormError {
  return new ArmormError('invalid_request', message)
}

export function nameList(tensors: readonly { readonly name: string }[]): string {
  return tensors.map(({ name }) => name).join(', ')
}
