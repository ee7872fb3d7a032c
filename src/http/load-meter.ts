/** How busy the server has been of late, for those who balance between replicas. */
import type { Load } from './services.js'

/** What happened so many milliseconds ago counts 1/e. */
const MEMORY_MS = 10_000
/** Load balancers take a share of nothing for no answer. */
const LEAST_SHARE = 1e-4

/** Something per millisecond: what happened counts the less the longer ago it was. */
class DecayingRate {
  #sum = 0
  #at = 0

  add(amount: number, now: number): void {
    this.#sum = MEMORY_MS * this.perMs(now) + amount
    this.#at = now
  }

  perMs(now: number): number {
    return (this.#sum * Math.exp((this.#at - now) / MEMORY_MS)) / MEMORY_MS
  }
}

export class LoadMeter {
  readonly #now: () => number
  readonly #requests = new DecayingRate()
  readonly #running = new DecayingRate()

  /** @param now - clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** A request for work has its reply, whatever it is. */
  requestAnswered(): void {
    this.#requests.add(1, this.#now())
  }

  /** The engine has run a batch for so many milliseconds. */
  batchEnded(runMs: number): void {
    // The beginning of a long one is long ago, too: a share of time is never more than all of it.
    this.#running.add(MEMORY_MS * (1 - Math.exp(-runMs / MEMORY_MS)), this.#now())
  }

  /**
   * A load report of ORCA (Open Request Cost Aggregation) in its text form: requests per second, the share of time for
   * which the engine ran plus the share of the queue that is taken, and outstanding tokens.
   */
  report({ outstandingTokens, limitTokens }: Load): string {
    const now = this.#now()
    const share = Math.max(LEAST_SHARE, this.#running.perMs(now) + outstandingTokens / limitTokens)
    const fields = {
      rps_fractional: (1000 * this.#requests.perMs(now)).toFixed(4),
      application_utilization: share.toFixed(4),
      'named_metrics.outstanding_tokens': Math.round(outstandingTokens)
    }
    return `TEXT ${Object.entries(fields)
      .map(([name, value]) => `${name}=${value}`)
      .join(',')}`
  }
}
