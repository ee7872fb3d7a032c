/**
 * Keeps special tokens that message content spells plain text while a chat template handles the content: the first
 * character of each is replaced by a character that occurs nowhere else, and put back once the rendering has been cut
 * at the template's own tokens. A stand-in is one UTF-16 unit, so positions stay valid.
 */
import { type AddedTokenMatcher, anyOf } from './added-tokens.js'

/** JavaScript's trim() takes U+FEFF off, Python's strip() does not: behind a stand-in it stays. */
const BYTE_ORDER_MARK = 0xfeff

/** `light` hides what spells a special token; `thorough` hides every character with which one could start. */
export type Hiding = 'light' | 'thorough'

export class StandIns {
  readonly #special: AddedTokenMatcher
  readonly #standInOf: ReadonlyMap<number, string>
  readonly #unitOf: ReadonlyMap<string, string>
  readonly #anyUnit: RegExp
  readonly #anyStandIn: RegExp

  /**
   * @param special the special tokens to hide.
   * @param texts all texts (well-formed) that will meet the stand-ins; none of their characters is taken for one.
   */
  constructor(special: AddedTokenMatcher, texts: readonly string[]) {
    this.#special = special
    const taken = new Set(texts.flatMap((text) => text.match(/[\ue000-\uf8ff]/g) ?? []))
    const free = unusedUnits(taken)
    const standInOf = new Map<number, string>()
    const unitOf = new Map<string, string>()
    for (const unit of new Set([...special.firstUnits, BYTE_ORDER_MARK])) {
      const standIn = free.next().value
      standInOf.set(unit, standIn)
      unitOf.set(standIn, String.fromCharCode(unit))
    }
    this.#standInOf = standInOf
    this.#unitOf = unitOf
    this.#anyUnit = anyOf(standInOf.keys(), 'g')
    // With the flag u half of a surrogate pair is never taken for a stand-in.
    this.#anyStandIn = anyOf(
      [...unitOf.keys()].map((standIn) => standIn.charCodeAt(0)),
      'gu'
    )
  }

  /** The content with stand-ins; its length is unchanged. */
  hide(content: string, hiding: Hiding): string {
    return content.replace(this.#anyUnit, (unit, index: number) => {
      const code = unit.charCodeAt(0)
      const hidden =
        code === BYTE_ORDER_MARK || hiding === 'thorough' || this.#special.longestAt(content, index) !== null
      return hidden ? (this.#standInOf.get(code) ?? unit) : unit
    })
  }

  /** The text with every stand-in turned back. */
  restore(text: string): string {
    return text.replace(this.#anyStandIn, (standIn) => this.#unitOf.get(standIn) ?? standIn)
  }
}

/** Private-use characters; where a text uses all 6400 of them, lone surrogates, which no well-formed text has. */
function* unusedUnits(taken: ReadonlySet<string>): Generator<string, never> {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const unit = String.fromCharCode(code)
    if (!taken.has(unit)) yield unit
  }
  for (let code = 0xd800; code <= 0xdbff; code++) yield String.fromCharCode(code)
  throw new Error('special tokens start with more different characters than there are stand-ins')
}
