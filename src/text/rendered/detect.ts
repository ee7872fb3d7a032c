/** Which of the chat templates wrote a text. */
import { skipSpace, startOf } from './edges.js'
import {
  CHATML,
  DEEPSEEK,
  DEEPSEEK_BOS,
  DEEPSEEK_V2,
  type Family,
  GEMMA,
  LABELS,
  LLAMA2,
  LLAMA3,
  MISTRAL_TEKKEN,
  MISTRAL_V1,
  MISTRAL_V3,
  PHI3,
  PHI4,
  type Template,
  ZEPHYR
} from './templates.js'
import { closedBefore, Scanner } from './turns.js'

/**
 * One template for each way to open a turn: no two of them match at the same place. MISTRAL_V1 and PHI3 stand for all
 * that share their openings; `exact` tells those apart.
 */
const OPENED_ALIKE: readonly Template[] = [CHATML, PHI4, LLAMA3, GEMMA, PHI3, MISTRAL_V1, DEEPSEEK]

export interface Detected {
  readonly template: Template
  /** Index behind padding and BOS, and behind white space before a turn, where splitting starts. */
  readonly from: number
}

/**
 * The template of a text that starts with a turn of it, behind padding, BOS and white space; null when there is none.
 * @param cut the text may have lost its start: the first opening anywhere counts too, where a turn is closed before it
 *   or ordinary text does not hold it.
 */
export function detect(text: string, cut: boolean): Detected | null {
  const start = startOf(text)
  const from = skipSpace(text, start)
  const opened = OPENED_ALIKE.find((template) => new Scanner(text, template, from).at(from) !== null)
  if (opened !== undefined) return found(text, from, opened)
  if (text.slice(0, start).includes(DEEPSEEK_BOS)) {
    // DeepSeek's system prompt stands bare between BOS and the first turn.
    const template = firstWithTurns(text, start, [DEEPSEEK, DEEPSEEK_V2])
    if (template !== null) return { template, from: start }
  }
  if (!cut) return null
  let earliest: { template: Template; at: number } | null = null
  for (const template of OPENED_ALIKE) {
    const at = new Scanner(text, template, from).next(from)?.start
    if (at === undefined || (earliest !== null && at >= earliest.at)) continue
    const ends = template === PHI3 ? [...PHI3.ends, ...ZEPHYR.ends] : template.ends
    if (template.distinct || closedBefore(text, at, ends)) earliest = { template, at }
  }
  return earliest === null ? null : found(text, start, earliest.template)
}

/** The template of a family that the caller names; null when the text holds no turn of it. */
export function forced(text: string, family: Family): Detected | null {
  const start = startOf(text)
  const template = firstWithTurns(text, start, BY_FAMILY[family])
  if (template === null) return null
  const first = skipSpace(text, start)
  // White space belongs to what was left of a turn that was cut, and to DeepSeek's bare system prompt.
  const from = new Scanner(text, template, first).at(first) === null ? start : first
  return { template: family === 'mistral' ? mistral(text, from) : template, from }
}

/** Plain labels (`User:` or `Human:`, then `Assistant:`) in a text that starts with one; null when it does not. */
export function labelled(text: string): Detected | null {
  const from = skipSpace(text, startOf(text))
  return new Scanner(text, LABELS, from).at(from) === null ? null : { template: LABELS, from }
}

const BY_FAMILY: Readonly<Record<Family, readonly Template[]>> = {
  chatml: [CHATML],
  llama2: [LLAMA2],
  llama3: [LLAMA3],
  gemma: [GEMMA],
  mistral: [MISTRAL_V1],
  zephyr: [ZEPHYR],
  phi3: [PHI3],
  phi4: [PHI4],
  deepseek: [DEEPSEEK, DEEPSEEK_V2]
}

/** What is looked for, for an error to say. */
export function openingsOf(family: Family | 'auto'): string[] {
  const templates = family === 'auto' ? OPENED_ALIKE : BY_FAMILY[family]
  const users = templates.map(({ openings }) => openings.find(({ role }) => role === 'user')?.text ?? '')
  return users.map((opening) => opening.trim())
}

function firstWithTurns(text: string, from: number, templates: readonly Template[]): Template | null {
  return templates.find((template) => new Scanner(text, template, from).next(from) !== null) ?? null
}

function found(text: string, from: number, alike: Template): Detected | null {
  const template = exact(text, from, alike)
  return template === null ? null : { template, from }
}

/** Of the templates with the same openings, the one whose other marks the text has. */
function exact(text: string, from: number, alike: Template): Template | null {
  if (alike === PHI3) return phi3OrZephyr(text, from)
  if (alike === MISTRAL_V1) return isLlama2(text, from) ? LLAMA2 : mistral(text, from)
  return alike
}

/** Both open turns with `<|user|>`: what closes the first one decides. */
function phi3OrZephyr(text: string, from: number): Template | null {
  const scanner = new Scanner(text, PHI3, from)
  const first = scanner.next(from)
  if (first === null) return null
  const before = (index: number) => [PHI3, ZEPHYR].find(({ ends }) => closedBefore(text, index, ends))
  // At the start of the text it is padding that stands before the first turn.
  const cut = first.start > from ? before(first.start) : undefined
  return cut ?? before(scanner.next(first.end)?.start ?? text.length) ?? null
}

/** Llama-2 has a block for the system prompt, and a BOS before every user turn. */
function isLlama2(text: string, from: number): boolean {
  const scanner = new Scanner(text, LLAMA2, from)
  for (let mark = scanner.next(from); mark !== null; mark = scanner.next(mark.end)) {
    if (mark.opening.role !== 'user') continue
    if (text.startsWith(' <<SYS>>\n', mark.end)) return true
    if (mark.start > from) return text.endsWith('</s><s>', mark.start)
  }
  return false
}

/** Mistral's versions differ in the spaces around the first turn. */
function mistral(text: string, from: number): Template {
  const scanner = new Scanner(text, MISTRAL_V1, from)
  for (let mark = scanner.next(from); mark !== null; mark = scanner.next(mark.end)) {
    const { role, text: opening } = mark.opening
    if (role === 'assistant') return text[mark.start - 1] === ' ' ? MISTRAL_V1 : MISTRAL_V3
    if (opening !== '[TOOL_RESULTS]' && text[mark.end] !== ' ') return MISTRAL_TEKKEN
  }
  return MISTRAL_V3
}
