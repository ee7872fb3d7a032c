/** Keeps what GET /explain/:explain_id needs, bounded by bytes and age. Numbers only: no text, no token ids. */
import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Manifest } from '../bundle/manifest.js'
import type { HeadValues } from '../scheduling/rated-sequence.js'
import type { Usage } from './reward.js'

export interface StoredReward extends HeadValues {
  readonly usage: Usage
  /** Of the model that gave it. */
  readonly manifest: Manifest
}

export interface ExplainStoreOptions {
  /** Most bytes to hold; 0 turns the store off. */
  readonly maxBytes: number
  /** How long an explanation is kept, in milliseconds. */
  readonly ttlMs: number
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number
}

/** What an entry costs beside its numbers (measured): id, two objects, three arrays' own, the cache's slots. */
const ENTRY_BYTES = 1400

export class ExplainStore {
  readonly #entries: LRUCache<string, StoredReward> | null

  constructor({ maxBytes, ttlMs, now }: ExplainStoreOptions) {
    this.#entries =
      maxBytes === 0
        ? null
        : new LRUCache<string, StoredReward>({
            maxSize: maxBytes,
            ttl: ttlMs,
            // Exact ages: the default asks the clock once a millisecond only, by a timer.
            ttlResolution: 0,
            sizeCalculation: ({ ratings }) => ENTRY_BYTES + 3 * ratings.byteLength,
            ...(now && { perf: { now } })
          })
  }

  /** Keeps a copy and returns an unguessable id; null when the store is off, or too small for even one. */
  put({ score, ratings, gating, adjusted, usage, manifest }: StoredReward): string | null {
    if (this.#entries === null) return null
    const id = randomUUID()
    // Copies: the arrays may be views of a whole batch, which must not stay alive for one row.
    const copy = (values: Float32Array) => values.slice()
    this.#entries.set(id, {
      score,
      ratings: copy(ratings),
      gating: copy(gating),
      adjusted: copy(adjusted),
      usage,
      manifest
    })
    return this.#entries.has(id) ? id : null
  }

  get(id: string): StoredReward | undefined {
    return this.#entries?.get(id)
  }

  get enabled(): boolean {
    return this.#entries !== null
  }

  get size(): number {
    return this.#entries?.size ?? 0
  }

  get bytes(): number {
    return this.#entries?.calculatedSize ?? 0
  }
}
