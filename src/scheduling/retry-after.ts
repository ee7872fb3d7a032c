/** When those who are refused may come again: each has a time of its own, as far from the next as its work is long. */

/** Milliseconds that a refusal says where nothing is known of the rate. */
const UNKNOWN_MS = 5000
/** Nobody is sent away for longer. */
const LONGEST_MS = 60_000
/** Part of a pause by which it is stretched at random: clients that were refused together do not stay together. */
const JITTER = 0.25

export class RetryTimes {
  readonly #random: () => number
  /** Until when the room to come is given to those who were refused before, in milliseconds. */
  #booked = -Infinity

  /** @param random - in 0..1 */
  constructor(random: () => number) {
    this.#random = random
  }

  /**
   * @param roomMs - milliseconds until there is room, as things are
   * @param tokens - that come with the request
   * @param perSecond - tokens that leave the queue in a second; 0: not known
   * @returns milliseconds, not rounded
   */
  next(now: number, roomMs: number, tokens: number, perSecond: number): number {
    if (perSecond === 0) return UNKNOWN_MS * (1 + JITTER * this.#random())
    const at = Math.max(now + roomMs, this.#booked)
    this.#booked = Math.min(at + (1000 * tokens) / perSecond, now + LONGEST_MS)
    return Math.min(at - now, LONGEST_MS) * (1 + JITTER * this.#random())
  }
}
