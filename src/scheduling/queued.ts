/** A conversation that waits for a batch, and the two lanes in which they wait. */
import type { EngineSequence } from '../engine/contract.js'
import { ArmormError } from '../errors.js'
import type { Waiting } from './plan-batch.js'
import { promptKey } from './prompt-key.js'
import type { CallerState, RatedSequence } from './rated-sequence.js'

export class Queued implements Waiting {
  readonly tokens: number
  readonly promptKey: number
  readonly promptTokens: number
  /** Both are set when it joins a lane. */
  arrival = 0
  lane: WaitingLane | null = null

  constructor(
    readonly sequence: EngineSequence,
    readonly caller: CallerState | undefined,
    /** When it came, in milliseconds. */
    readonly since: number,
    readonly resolve: (rated: RatedSequence) => void,
    readonly reject: (error: unknown) => void
  ) {
    this.tokens = sequence.ids.length
    this.promptTokens = sequence.gateIndex + 1
    this.promptKey = promptKey(sequence.ids, this.promptTokens)
  }

  get gone(): boolean {
    return this.caller?.aborted ?? false
  }

  get deadline(): number {
    return this.caller?.deadline ?? Infinity
  }

  /** Bulk while all who wait for it say so. */
  get bulk(): boolean {
    return this.caller?.bulk ?? false
  }

  /** Rejects what nobody waits for any more. */
  drop(): 'gone' | 'expired' {
    if (this.gone) {
      this.reject(this.caller?.reason)
      return 'gone'
    }
    this.reject(new ArmormError('deadline_exceeded', 'the time of the request was over before its work could run'))
    return 'expired'
  }
}

/** What waits with one priority, in order of arrival. */
export class WaitingLane {
  #items: Queued[] = []
  #tokens = 0
  /** Tokens that ever arrived. */
  #arrived = 0

  get items(): readonly Queued[] {
    return this.#items
  }

  get tokens(): number {
    return this.#tokens
  }

  push(item: Queued): void {
    this.#arrived += item.tokens
    item.arrival = this.#arrived
    item.lane = this
    this.#tokens += item.tokens
    this.#items.push(item)
  }

  /** Puts something back where it was in this lane. */
  restore(item: Queued): void {
    const after = this.#items.findIndex(({ arrival }) => arrival > item.arrival)
    this.#tokens += item.tokens
    this.#items.splice(after < 0 ? this.#items.length : after, 0, item)
  }

  /** Goes on with these: some of the items, in the same order. */
  keep(items: Queued[]): void {
    if (items.length === this.#items.length) return
    this.#items = items
    this.#tokens = items.reduce((sum, { tokens }) => sum + tokens, 0)
  }

  /** Takes out what does not stay. */
  sift(stays: (item: Queued) => boolean): Queued[] {
    const out: Queued[] = []
    this.keep(this.#items.filter((item) => stays(item) || (out.push(item), false)))
    return out
  }
}
