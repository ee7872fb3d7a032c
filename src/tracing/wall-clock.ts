/** Milliseconds by which the two clocks may differ before one is set by the other: `Date.now()` counts whole ones. */
const TOLERANCE_MS = 2

/** How times of `performance.now()` become times of the calendar. */
export class WallClock {
  #offset = Date.now() - performance.now()

  /**
   * Milliseconds to add to get those since 1970. The same for all requests until the calendar's clock is set, so that
   * what happened at once has one time in all traces; a request keeps the one that it began with.
   */
  get offset(): number {
    const offset = Date.now() - performance.now()
    if (Math.abs(offset - this.#offset) > TOLERANCE_MS) this.#offset = offset
    return this.#offset
  }
}
