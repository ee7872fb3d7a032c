/** How fast the engine is, kept up to date by what it does. */
import type { EngineCapacity } from '../engine/contract.js'

/** How much of the past a batch leaves: half of the weight lies on the last seven. */
const KEPT = 0.9

/**
 * Exponentially weighted tokens per second: decayed tokens over decayed time, so that a batch counts by the time it
 * took, and small ones say little.
 */
export class TokenRate {
  #tokens = 0
  #ms = 0

  /** @param measured - what the warm-up found; counts as one batch */
  constructor(measured: EngineCapacity | null = null) {
    if (!measured) return
    this.#tokens = measured.targetTokens
    this.#ms = (1000 * measured.targetTokens) / measured.tokensPerSecond
  }

  /** Tokens per second; 0 while nothing is known. */
  get perSecond(): number {
    return this.#ms > 0 ? (1000 * this.#tokens) / this.#ms : 0
  }

  /** A batch of so many distinct tokens ran so many milliseconds. */
  add(tokens: number, ms: number): void {
    this.#tokens = KEPT * this.#tokens + tokens
    this.#ms = KEPT * this.#ms + ms
  }
}
