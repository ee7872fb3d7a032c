/** The same work is never done twice: rewards are deterministic, so an exact repeat is answered from memory. */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { EngineSequence } from '../engine/contract.js'
import type { HeadValues, RatedSequence } from '../scheduling/rated-sequence.js'
import { isFiniteReward } from './finite.js'
import type { Rater } from './rater.js'

export interface RewardCacheOptions {
  /** Bytes of rewards to keep; 0 keeps none, and only joins identical work in flight. */
  readonly maxBytes: number
  /** Revision of the model: rewards of another one are another's. */
  readonly revision: string
}

/** Work that runs, and who waits for it. */
interface InFlight {
  readonly result: Promise<RatedSequence>
  /** Aborts the work; called when the last of those who wait has gone. */
  readonly abandon: (reason: unknown) => void
  waiting: number
}

/** What an entry takes beside its numbers: key, objects and the cache's own links, measured generously. */
const ENTRY_OVERHEAD = 600

/**
 * A rater before another one. A repeat with the same token ids and gate position is answered at once; work that is
 * under way already is joined. Whoever leaves (by its signal) leaves the others' work alone.
 */
export class RewardCache implements Rater {
  readonly #rater: Rater
  readonly #revision: string
  readonly #kept: LRUCache<string, HeadValues> | null
  readonly #inFlight = new Map<string, InFlight>()

  constructor(rater: Rater, { maxBytes, revision }: RewardCacheOptions) {
    this.#rater = rater
    this.#revision = revision
    this.#kept = maxBytes > 0 ? new LRUCache({ maxSize: maxBytes, sizeCalculation: bytesOf }) : null
  }

  /** Bytes of the rewards kept. */
  get bytes(): number {
    return this.#kept?.calculatedSize ?? 0
  }

  async rate(sequence: EngineSequence, signal?: AbortSignal): Promise<RatedSequence> {
    const key = this.#keyOf(sequence)
    const kept = this.#kept?.get(key)
    if (kept) return { ...kept, origin: 'cache', batchSize: 0, queueMs: 0, runMs: 0 }
    const running = this.#inFlight.get(key)
    if (running) return { ...(await wait(running, signal)), origin: 'joined' }
    return wait(this.#start(key, sequence), signal)
  }

  #keyOf({ ids, gateIndex }: EngineSequence): string {
    const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength)
    return createHash('sha256').update(`${this.#revision} ${gateIndex} `).update(bytes).digest('base64')
  }

  #start(key: string, sequence: EngineSequence): InFlight {
    const controller = new AbortController()
    const forget = (): void => {
      if (this.#inFlight.get(key) === work) this.#inFlight.delete(key)
    }
    const result = this.#rater.rate(sequence, controller.signal).then((rated) => {
      const { ratings, gating, adjusted, score } = rated
      // A value that is not finite is an error to report, not an answer to repeat.
      if (isFiniteReward(rated)) this.#kept?.set(key, { ratings, gating, adjusted, score })
      return rated
    })
    const work: InFlight = {
      result,
      abandon: (reason) => {
        // Whoever asks from now on starts anew: this work may already be dropped.
        forget()
        controller.abort(reason)
      },
      waiting: 0
    }
    this.#inFlight.set(key, work)
    result.then(forget, forget)
    return work
  }
}

/** Waits for the work until the caller's signal aborts. @throws the work's error, or the reason of `signal` */
function wait(work: InFlight, signal: AbortSignal | undefined): Promise<RatedSequence> {
  work.waiting += 1
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      work.waiting -= 1
      if (work.waiting === 0) work.abandon(signal?.reason)
      reject(signal?.reason as Error)
    }
    const settle =
      <T>(then: (value: T) => void) =>
      (value: T): void => {
        signal?.removeEventListener('abort', leave)
        then(value)
      }
    work.result.then(settle(resolve), settle(reject))
    if (signal?.aborted) leave()
    else signal?.addEventListener('abort', leave, { once: true })
  })
}

function bytesOf({ ratings, gating, adjusted }: HeadValues): number {
  return ENTRY_OVERHEAD + ratings.byteLength + gating.byteLength + adjusted.byteLength
}
