/**
 * Finds added tokens in text the way the Rust library `tokenizers` does (`AddedVocabulary::find_matches`):
 * leftmost-longest, with the flags single_word, lstrip and rstrip.
 */

/** One entry of tokenizer.json's `added_tokens`. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Marks structure (turns, beginning of text), not words: must never come out of ordinary text. */
  readonly special: boolean
  /** Matches only where no word character touches it. */
  readonly single_word: boolean
  /** Takes the white space on its left with it. */
  readonly lstrip: boolean
  /** Takes the white space on its right with it. */
  readonly rstrip: boolean
  /** Matches in normalized text. */
  readonly normalized: boolean
}

/** A stretch `[start, end)` of a text: an added token, or (token null) ordinary text. */
export interface Segment {
  readonly token: AddedToken | null
  readonly start: number
  readonly end: number
}

interface Node {
  readonly next: Map<number, Node>
  token: AddedToken | null
}

// Rust's regex `\w` and `\s`; JavaScript's differ (`\s` has U+FEFF and lacks U+0085, `\w` is ASCII).
const WORD_AT_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u
const WORD_AT_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u
const SPACE = /^\p{White_Space}$/u

/** A pattern for any of these UTF-16 units; at least one. */
export function anyOf(units: Iterable<number>, flags: string): RegExp {
  const escaped = [...units].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
  return new RegExp(`[${escaped.join('')}]`, flags)
}

export class AddedTokenMatcher {
  readonly #root: Node = { next: new Map(), token: null }
  /** UTF-16 units with which some token starts. */
  readonly firstUnits: ReadonlySet<number>
  /** Finds those units; null when there are no tokens. */
  readonly #firstUnits: RegExp | null

  /** @param entries text to look for and the token that it stands for; empty texts are skipped. */
  constructor(entries: Iterable<readonly [string, AddedToken]>) {
    const first = new Set<number>()
    for (const [text, token] of entries) {
      if (text.length === 0) continue
      first.add(text.charCodeAt(0))
      let node = this.#root
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        let child = node.next.get(unit)
        if (!child) node.next.set(unit, (child = { next: new Map(), token: null }))
        node = child
      }
      node.token = token
    }
    this.firstUnits = first
    this.#firstUnits = first.size > 0 ? anyOf(first, 'g') : null
  }

  /** Index of the first unit at or after `from` with which a token could start, -1 when there is none. */
  nextCandidate(text: string, from: number): number {
    if (this.#firstUnits === null) return -1
    this.#firstUnits.lastIndex = from
    return this.#firstUnits.exec(text)?.index ?? -1
  }

  /** The longest token that starts at `index`, with the end of its match. */
  longestAt(text: string, index: number): { token: AddedToken; end: number } | null {
    let node: Node | undefined = this.#root
    let found: { token: AddedToken; end: number } | null = null
    for (let i = index; i < text.length; i++) {
      node = node.next.get(text.charCodeAt(i))
      if (!node) break
      if (node.token) found = { token: node.token, end: i + 1 }
    }
    return found
  }

  /** Segments that cover the whole text in order, none of them empty. */
  split(text: string): Segment[] {
    const segments: Segment[] = []
    let done = 0
    let at = this.nextCandidate(text, 0)
    while (at >= 0) {
      const match = this.longestAt(text, at)
      if (!match) {
        at = this.nextCandidate(text, at + 1)
        continue
      }
      const { token } = match
      const resume = match.end
      if (!token.single_word || standsAlone(text, at, match.end)) {
        let start = at
        let end = match.end
        if (token.lstrip) while (start > done && SPACE.test(text.charAt(start - 1))) start--
        if (token.rstrip) while (end < text.length && SPACE.test(text.charAt(end))) end++
        // A token that itself starts with white space may lie in what an rstrip token before it has taken.
        start = Math.max(start, done)
        if (end > start) {
          if (start > done) segments.push({ token: null, start: done, end: start })
          segments.push({ token, start, end })
          done = end
        }
      }
      // The search goes on after the match even when single_word discards it.
      at = this.nextCandidate(text, resume)
    }
    if (done < text.length) segments.push({ token: null, start: done, end: text.length })
    return segments
  }
}

function standsAlone(text: string, start: number, end: number): boolean {
  // Two units hold one code point on either side.
  return !WORD_AT_END.test(text.slice(Math.max(0, start - 2), start)) && !WORD_AT_START.test(text.slice(end, end + 2))
}
