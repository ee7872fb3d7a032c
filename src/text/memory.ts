/**
 * What a tokenizer remembers, bounded in bytes, least recently used first out. It saves work and never changes a
 * result: what is kept under a text depends on that text alone.
 */
import { LRUCache } from 'lru-cache'

/** What an entry takes beside text and value: strings' and arrays' heads and the cache's own links. */
const ENTRY_OVERHEAD = 200
/** V8 keeps a shorter part of a text as a copy, a longer one as a view that holds the whole text in memory. */
const SHORTEST_VIEW = 13

/** Ids of texts. The arrays inside are its own: ids are copied in and copied out. */
export class IdMemory {
  /** One id, as most words have, is kept without an array. */
  readonly #kept: LRUCache<string, number | readonly number[]> | null

  /** @param capacity in bytes; 0 remembers nothing. */
  constructor(readonly capacity: number) {
    const sizeCalculation = (ids: number | readonly number[], text: string) =>
      ENTRY_OVERHEAD + 2 * text.length + 8 * (typeof ids === 'number' ? 0 : ids.length)
    this.#kept = capacity > 0 ? new LRUCache({ maxSize: capacity, sizeCalculation }) : null
  }

  /** Bytes of what is kept. */
  get bytes(): number {
    return this.#kept?.calculatedSize ?? 0
  }

  /** Appends the ids of `text` to `into`; false, and nothing appended, when they are not known. */
  recall(text: string, into: number[]): boolean {
    const ids = this.#kept?.get(text)
    if (ids === undefined) return false
    if (typeof ids === 'number') into.push(ids)
    else for (const id of ids) into.push(id)
    return true
  }

  /** Keeps the ids in `all` from `from` on as those of `text`. */
  remember(text: string, all: readonly number[], from: number): void {
    const ids = all.slice(from)
    this.#kept?.set(detached(text), ids.length === 1 && ids[0] !== undefined ? ids[0] : ids)
  }
}

/** Texts that are costly to make, under the inputs from which they follow. */
export class TextMemory {
  readonly #kept: LRUCache<string, string> | null

  /** @param bytes 0 remembers nothing. */
  constructor(bytes: number) {
    const sizeCalculation = (text: string, key: string) => ENTRY_OVERHEAD + 2 * (text.length + key.length)
    this.#kept = bytes > 0 ? new LRUCache({ maxSize: bytes, sizeCalculation }) : null
  }

  /** The text of `inputs`, a value of JSON; made when it is not known. What `make` throws is not remembered. */
  get(inputs: unknown, make: () => string): string {
    if (this.#kept === null) return make()
    const key = JSON.stringify(inputs)
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const text = make()
    this.#kept.set(key, detached(text))
    return text
  }
}

/** The same text, holding no other text in memory. */
function detached(text: string): string {
  return text.length < SHORTEST_VIEW ? text : Buffer.from(text, 'utf16le').toString('utf16le')
}
