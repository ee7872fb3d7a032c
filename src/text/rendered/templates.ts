/**
 * The chat templates that are recognised, as tables of the text that they write around contents. Published forms are
 * those of the models' tokenizer_config.json; docs/rendered-text.md has them in words.
 */
import type { Message } from '../conversation.js'

export const FAMILIES = [
  'chatml',
  'llama2',
  'llama3',
  'gemma',
  'mistral',
  'zephyr',
  'phi3',
  'phi4',
  'deepseek'
] as const

export type Family = (typeof FAMILIES)[number]

/** Text that opens a turn. */
export interface Opening {
  readonly text: string
  readonly role: string
  /** What the template writes between this and the content; dropped where it is there. */
  readonly gap: string
  /** No opening unless the gap, or the end of the text, follows. */
  readonly strict?: boolean
  /** Counts at the start of the text only. */
  readonly atStart?: boolean
  /** What closes the turn, directly before the next opening, where the template's `ends` do not. */
  readonly closing?: string
}

export interface Template {
  readonly family: Family | 'none'
  readonly openings: readonly Opening[]
  /** Tokens that close a turn, longest first; white space may follow. */
  readonly ends: readonly string[]
  /** What the template writes between an answer and the token that closes it. */
  readonly answerTail: string
  /** Openings that ordinary text does not hold: they count even if the text was cut in the middle of a turn. */
  readonly distinct: boolean
  /** What every opening starts with, where it is the BOS of some tokenizers: verl strips that off the text. */
  readonly bos?: string
  /** Takes apart what the template writes into a turn besides its content. */
  readonly refine?: (message: Message, first: boolean) => readonly Message[]
}

const ROLES: Readonly<Record<string, string>> = {
  system: 'system',
  developer: 'developer',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  ipython: 'tool',
  function: 'tool'
}

function headers(write: (name: string) => string, gap: string, strict: boolean, roles = ROLES): Opening[] {
  return Object.entries(roles).map(([name, role]) => ({ text: write(name), role, gap, strict }))
}

export const CHATML: Template = {
  family: 'chatml',
  openings: headers((name) => `<|im_start|>${name}`, '\n', true),
  ends: ['<|im_end|>', '<|endoftext|>'],
  answerTail: '',
  distinct: false,
  bos: '<|im_start|>'
}

export const PHI4: Template = {
  family: 'phi4',
  openings: headers((name) => `<|im_start|>${name}<|im_sep|>`, '', false),
  ends: ['<|im_end|>'],
  answerTail: '',
  distinct: false
}

export const LLAMA3: Template = {
  family: 'llama3',
  openings: headers((name) => `<|start_header_id|>${name}<|end_header_id|>`, '\n\n', false),
  ends: ['<|eot_id|>', '<|eom_id|>'],
  answerTail: '',
  distinct: false,
  refine: withoutDates
}

export const GEMMA: Template = {
  family: 'gemma',
  openings: headers((name) => `<start_of_turn>${name}`, '\n', true, {
    system: 'system',
    user: 'user',
    model: 'assistant'
  }),
  ends: ['<end_of_turn>'],
  answerTail: '',
  distinct: false
}

export const ZEPHYR: Template = {
  family: 'zephyr',
  openings: headers((name) => `<|${name}|>`, '\n', true, { system: 'system', user: 'user', assistant: 'assistant' }),
  ends: ['</s>'],
  answerTail: '',
  distinct: false
}

export const PHI3: Template = {
  family: 'phi3',
  // Phi-4-mini writes no newline behind them.
  openings: headers((name) => `<|${name}|>`, '\n', false, {
    system: 'system',
    user: 'user',
    assistant: 'assistant',
    tool_response: 'tool'
  }),
  ends: ['<|end|>'],
  answerTail: '',
  distinct: false
}

/** `[INST]` as Llama-2 and Mistral write it; the spaces around it tell Mistral's versions apart. */
function instructions(family: 'llama2' | 'mistral', spaces: { opening: boolean; closing: boolean }): Template {
  const gap = spaces.opening ? ' ' : ''
  const closing = spaces.closing ? ' ' : ''
  const mistral: Opening[] = [
    { text: '[SYSTEM_PROMPT]', role: 'system', gap, closing: '[/SYSTEM_PROMPT]' },
    { text: '[AVAILABLE_TOOLS]', role: 'system', gap, closing: '[/AVAILABLE_TOOLS]' },
    { text: '[TOOL_RESULTS]', role: 'tool', gap, closing: '' },
    { text: '[/TOOL_RESULTS]', role: 'assistant', gap }
  ]
  return {
    family,
    openings: [
      { text: '[INST]', role: 'user', gap, closing },
      { text: '[/INST]', role: 'assistant', gap },
      ...(family === 'mistral' ? mistral : [])
    ],
    ends: ['</s><s>', '</s>'],
    // Llama-2's; a text of one turn without a system block does not tell the two apart.
    answerTail: closing,
    distinct: true,
    ...(family === 'llama2' ? { refine: systemBlock } : {})
  }
}

export const LLAMA2 = instructions('llama2', { opening: true, closing: true })
export const MISTRAL_V1 = instructions('mistral', { opening: true, closing: true })
export const MISTRAL_V3 = instructions('mistral', { opening: true, closing: false })
export const MISTRAL_TEKKEN = instructions('mistral', { opening: false, closing: false })

export const DEEPSEEK_BOS = '<｜begin▁of▁sentence｜>'
const DEEPSEEK_END = '<｜end▁of▁sentence｜>'

export const DEEPSEEK: Template = {
  family: 'deepseek',
  openings: [
    { text: '<｜User｜>', role: 'user', gap: '' },
    { text: '<｜Assistant｜>', role: 'assistant', gap: '' }
  ],
  ends: [DEEPSEEK_END],
  answerTail: '',
  distinct: true
}

/** DeepSeek-V2: words in the place of tokens, so that contents can hold them too. */
export const DEEPSEEK_V2: Template = {
  family: 'deepseek',
  openings: [
    { text: '\n\nUser:', role: 'user', gap: ' ' },
    { text: '\n\nAssistant:', role: 'assistant', gap: ' ' },
    { text: `${DEEPSEEK_END}User:`, role: 'user', gap: ' ' },
    { text: 'User:', role: 'user', gap: ' ', atStart: true },
    { text: 'Assistant:', role: 'assistant', gap: ' ', atStart: true }
  ],
  ends: [DEEPSEEK_END],
  answerTail: '',
  distinct: false
}

/** Plain labels at the start of lines, as prompts written for base models have them. */
export const LABELS: Template = {
  family: 'none',
  openings: [
    ...['User', 'Human', 'Assistant'].map((label) => ({
      text: `\n${label}:`,
      role: label === 'Assistant' ? 'assistant' : 'user',
      gap: ' '
    })),
    { text: 'User:', role: 'user', gap: ' ', atStart: true },
    { text: 'Human:', role: 'user', gap: ' ', atStart: true }
  ],
  ends: [],
  answerTail: '',
  distinct: false,
  refine: ({ role, content }) => [{ role, content: content.trim() }]
}

const SYSTEM_OPEN = '<<SYS>>\n'
const SYSTEM_CLOSE = '\n<</SYS>>\n\n'

/** Llama-2 writes the system prompt into the first user turn. */
function systemBlock(message: Message, first: boolean): readonly Message[] {
  const { role, content } = message
  if (!first || role !== 'user' || !content.startsWith(SYSTEM_OPEN)) return [message]
  const close = content.indexOf(SYSTEM_CLOSE, SYSTEM_OPEN.length)
  if (close < 0) return [message]
  return [
    { role: 'system', content: content.slice(SYSTEM_OPEN.length, close) },
    { role, content: content.slice(close + SYSTEM_CLOSE.length) }
  ]
}

const KNOWLEDGE_DATE = 'Cutting Knowledge Date: '
const TODAY = '\nToday Date: '

/** Llama-3.1 and later write two dates before the system prompt, also where there is none. */
function withoutDates(message: Message, first: boolean): readonly Message[] {
  const { role, content } = message
  if (!first || role !== 'system' || !content.startsWith(KNOWLEDGE_DATE)) return [message]
  const lineEnd = content.indexOf('\n')
  const datesEnd = content.indexOf('\n\n', lineEnd)
  if (!content.startsWith(TODAY, lineEnd) || datesEnd < 0) return [message]
  if (content.indexOf('\n', lineEnd + 1) !== datesEnd) return [message]
  const rest = content.slice(datesEnd + 2)
  return rest === '' ? [] : [{ role, content: rest }]
}
