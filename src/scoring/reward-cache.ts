/** The same work is never done twice: rewards are deterministic, so an exact repeat is answered from memory. */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { EngineSequence } from '../engine/contract.js'
import { ArmormError } from '../errors.js'
import type { BatchRun, CallerState, HeadValues, RatedSequence, RunPlace } from '../scheduling/rated-sequence.js'
import { isFiniteReward } from './finite.js'
import type { Rater } from './rater.js'

export interface RewardCacheOptions {
  /** Bytes of rewards to keep; 0 keeps none, and only joins identical work in flight. */
  readonly maxBytes: number
  /** Revision of the model: rewards of another one are another's. */
  readonly revision: string
}

/** Work under way, and everybody who waits for it. */
interface InFlight {
  readonly result: Promise<RatedSequence>
  readonly callers: Callers
}

/** A reward that is remembered. One array takes half the memory of three. */
interface Kept {
  readonly score: number
  /** `[3, K]` ratings, gating weights, adjusted ratings. */
  readonly numbers: Float32Array
}

/** Bytes that an entry takes beside its numbers (measured): key, objects, the array's own, the cache's slots. */
const ENTRY_OVERHEAD = 1200

/**
 * A rater before another one. A repeat with the same token ids and gate position is answered at once; work that is
 * under way already is joined. Whoever leaves leaves the others' work alone: it is dropped when all have left.
 */
export class RewardCache implements Rater {
  readonly #rater: Rater
  readonly #revision: string
  readonly #kept: LRUCache<string, Kept> | null
  readonly #inFlight = new Map<string, InFlight>()
  /** Keys of sequences, which are asked for more than once. */
  readonly #keys = new WeakMap<EngineSequence, string>()

  /** @param kept - the memory of another model's cache, which this one goes on with */
  constructor(rater: Rater, { maxBytes, revision }: RewardCacheOptions, kept?: RewardCache) {
    this.#rater = rater
    this.#revision = revision
    this.#kept = kept ? kept.#kept : maxBytes > 0 ? new LRUCache({ maxSize: maxBytes, sizeCalculation: bytesOf }) : null
  }

  /** Bytes of the rewards kept. */
  get bytes(): number {
    return this.#kept?.calculatedSize ?? 0
  }

  async rate(sequence: EngineSequence, caller?: CallerState): Promise<RatedSequence> {
    const key = this.#keyOf(sequence)
    const kept = this.#kept?.get(key)
    if (kept) return { ...unpacked(kept), origin: 'cache', batchSize: 0, queueMs: 0, runMs: 0 }
    const running = this.#inFlight.get(key)
    if (!running) return this.#start(key, sequence, caller)
    running.callers.join(caller)
    try {
      return { ...(await running.result), origin: 'joined' }
    } catch (error) {
      // It was given up for those who waited before, in the very moment.
      if (isGivenUp(error) && isWanted(caller)) return this.rate(sequence, caller)
      throw error
    }
  }

  /** What of these has to be computed: neither kept nor under way, and each but once. */
  cost(sequences: readonly EngineSequence[]): { tokens: number; conversations: number } {
    const missing = new Map<string, number>()
    for (const sequence of sequences) {
      const key = this.#keyOf(sequence)
      if (!this.#kept?.has(key) && !this.#inFlight.has(key)) missing.set(key, sequence.ids.length)
    }
    return { tokens: [...missing.values()].reduce((sum, tokens) => sum + tokens, 0), conversations: missing.size }
  }

  #keyOf(sequence: EngineSequence): string {
    const known = this.#keys.get(sequence)
    if (known !== undefined) return known
    const { ids, gateIndex } = sequence
    const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength)
    const key = createHash('sha256').update(`${this.#revision} ${gateIndex} `).update(bytes).digest('base64')
    this.#keys.set(sequence, key)
    return key
  }

  async #start(key: string, sequence: EngineSequence, caller: CallerState | undefined): Promise<RatedSequence> {
    const callers = new Callers(caller)
    const result = this.#rater.rate(sequence, callers)
    this.#inFlight.set(key, { result, callers })
    try {
      const rated = await result
      // A value that is not finite is an error to report, not an answer to repeat.
      if (isFiniteReward(rated)) this.#kept?.set(key, packed(rated))
      return rated
    } finally {
      this.#inFlight.delete(key)
    }
  }
}

/** All who wait for one piece of work, as one caller: gone once every one of them is, wanted as long as by any. */
class Callers implements CallerState {
  readonly #callers: (CallerState | undefined)[]

  constructor(first: CallerState | undefined) {
    this.#callers = [first]
  }

  join(caller: CallerState | undefined): void {
    this.#callers.push(caller)
  }

  get aborted(): boolean {
    return this.#callers.every((caller) => caller?.aborted)
  }

  get deadline(): number {
    return this.#callers.reduce((latest, caller) => {
      return caller?.aborted ? latest : Math.max(latest, caller?.deadline ?? Infinity)
    }, -Infinity)
  }

  get reason(): unknown {
    return this.#callers[0]?.reason
  }

  ran(run: BatchRun, place: RunPlace): void {
    for (const caller of this.#callers) caller?.ran?.(run, place)
  }

  /** As urgent as the most urgent. */
  get bulk(): boolean {
    return this.#callers.every((caller) => caller?.bulk)
  }
}

function isGivenUp(error: unknown): boolean {
  return error instanceof ArmormError && (error.code === 'client_closed' || error.code === 'deadline_exceeded')
}

function isWanted(caller: CallerState | undefined): boolean {
  return !caller?.aborted && (caller?.deadline ?? Infinity) > performance.now()
}

function packed({ score, ratings, gating, adjusted }: HeadValues): Kept {
  const { length } = ratings
  const numbers = new Float32Array(3 * length)
  for (const [i, values] of [ratings, gating, adjusted].entries()) numbers.set(values, i * length)
  return { score, numbers }
}

function unpacked({ score, numbers }: Kept): HeadValues {
  const length = numbers.length / 3
  const [ratings, gating, adjusted] = [0, 1, 2].map((i) => numbers.subarray(i * length, (i + 1) * length))
  return { score, ratings: ratings!, gating: gating!, adjusted: adjusted! }
}

function bytesOf({ numbers }: Kept): number {
  return ENTRY_OVERHEAD + numbers.byteLength
}
