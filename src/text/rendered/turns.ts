/** Splits a text into turns by the openings of one template, in one pass. */
import { skipSpaceBack } from './edges.js'
import type { Opening, Template } from './templates.js'

/** An opening in a text: `[start, end)` without its gap. */
export interface Mark {
  readonly opening: Opening
  readonly start: number
  readonly end: number
}

export interface Turn {
  readonly role: string
  /** Between what the template writes before and after it. */
  readonly content: string
  /** What follows the opening up to the next one, as it stands. */
  readonly raw: string
  /** False when the text goes on, or ends, without the token that closes the turn. */
  readonly closed: boolean
  /** The gap of an opening with which the text ends, if the text ends before it; else ''. */
  readonly owed: string
}

/** Finds openings from left to right. */
export class Scanner {
  readonly #text: string
  readonly #from: number
  readonly #openings: readonly Opening[]
  /** What all openings start with that may stand anywhere; the engine's own search for it is the fastest scan. */
  readonly #stem: string

  /** @param from index at which the text starts for openings that count at its start only. */
  constructor(text: string, template: Template, from: number) {
    this.#text = text
    this.#from = from
    this.#openings = template.openings
    this.#stem = commonStart(template.openings.filter(({ atStart }) => atStart !== true).map((opening) => opening.text))
  }

  /** The opening at an index, null when there is none. */
  at(index: number): Mark | null {
    const opening = this.#openings.find((candidate) => this.#fits(candidate, index))
    return opening === undefined ? null : { opening, start: index, end: index + opening.text.length }
  }

  /** The first opening at or after an index, null when there is none. */
  next(index: number): Mark | null {
    const first = index === this.#from ? this.at(index) : null
    if (first !== null) return first
    for (let at = this.#text.indexOf(this.#stem, index); at >= 0; at = this.#text.indexOf(this.#stem, at + 1)) {
      const mark = this.at(at)
      if (mark !== null) return mark
      // Without a stem every index is tried, the last one too.
      if (at === this.#text.length) return null
    }
    return null
  }

  all(): Mark[] {
    const marks: Mark[] = []
    for (let mark = this.next(this.#from); mark !== null; mark = this.next(mark.end)) marks.push(mark)
    return marks
  }

  #fits({ text, gap, strict, atStart }: Opening, index: number): boolean {
    if (!this.#text.startsWith(text, index)) return false
    if (atStart === true && index !== this.#from) return false
    const end = index + text.length
    return strict !== true || end === this.#text.length || this.#text.startsWith(gap, end)
  }
}

/**
 * The turns from `from` on. Text before the first opening is the rest of a turn whose opening was cut off: of the role
 * with which it starts where the template's BOS alone is gone; else the user's when an assistant's turn follows, and the
 * system prompt when none does. What stands between the end of a turn and the next opening
 * and is no white space counts as content, and so does the token before it.
 */
export function split(text: string, template: Template, from: number): Turn[] {
  const marks = new Scanner(text, template, from).all()
  const turns = marks.map(({ opening, end }, index) => turn(text, template, opening, end, marks[index + 1]?.start))
  const first = marks[0]
  if (first === undefined) return []
  const before = text.slice(from, first.start)
  if (skipSpaceBack(before, before.length) === 0) return turns
  const headless = withoutBos(before, template)
  if (headless !== undefined) {
    const end = from + headless.text.length - (template.bos ?? '').length
    return [turn(text, template, headless, end, first.start), ...turns]
  }
  const role = first.opening.role === 'assistant' ? 'user' : 'system'
  const closing = template.openings.find((opening) => opening.role === role)?.closing
  return [{ role, ...close(before, closing, template), raw: before, owed: '' }, ...turns]
}

/** The opening of which a text starts with all but the BOS. */
function withoutBos(text: string, { bos, openings }: Template): Opening | undefined {
  if (bos === undefined) return undefined
  return openings.find((opening) => text.startsWith(opening.text.slice(bos.length) + opening.gap))
}

function turn(text: string, template: Template, opening: Opening, end: number, next?: number): Turn {
  const { role, gap, closing } = opening
  const raw = text.slice(text.startsWith(gap, end) ? end + gap.length : end, next)
  const { content, closed } = close(raw, closing, template)
  return {
    role,
    content: closed && role === 'assistant' ? withoutTail(content, template) : content,
    closed,
    raw,
    owed: end === text.length ? gap : ''
  }
}

/** What stands before the text, or the last token, that closes a turn; all of it where it does not end with one. */
function close(raw: string, closing: string | undefined, { ends }: Template): { content: string; closed: boolean } {
  const at = closing === undefined ? skipSpaceBack(raw, raw.length) : raw.length
  const token = closing === undefined ? ends.find((end) => raw.endsWith(end, at)) : closing
  return token === undefined || !raw.endsWith(token, at)
    ? { content: raw, closed: false }
    : { content: raw.slice(0, at - token.length), closed: true }
}

/** An answer without what the template writes between it and the token that closes it. */
export function withoutTail(content: string, { answerTail }: Template): string {
  return content.endsWith(answerTail) ? content.slice(0, content.length - answerTail.length) : content
}

/** True when one of the end tokens, and at most white space after it, stands before an index. */
export function closedBefore(text: string, index: number, ends: readonly string[]): boolean {
  const at = skipSpaceBack(text, index)
  return ends.some((end) => text.endsWith(end, at))
}

function commonStart(texts: readonly string[]): string {
  const [first = '', ...others] = texts
  let length = first.length
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length--
  }
  return first.slice(0, length)
}
