/**
 * Large bodies one after another, each in a turn of the event loop of its own: hundreds that arrive together would
 * otherwise be parsed in one go, and nothing else, not even a probe, be answered for seconds.
 */
export class Turns {
  readonly #waiting: (() => void)[] = []
  #taken = false

  /** Resolves when it is one's turn: at once where nobody else has it. */
  take(): Promise<void> {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#taken = true
    setImmediate(() => this.#next())
    return Promise.resolve()
  }

  #next(): void {
    const first = this.#waiting.shift()
    this.#taken = first !== undefined
    if (!first) return
    // After all that arrives until then.
    setImmediate(() => this.#next())
    first()
  }
}
