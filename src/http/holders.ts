/** Counts who needs something, so that it ends when nobody does. */
export class Holders {
  #count = 0
  readonly #waiting: (() => void)[] = []

  /** @returns what lets go, once */
  hold(): () => void {
    this.#count += 1
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#count -= 1
      if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }

  /** Settles when nobody holds it: at once, or when the last one lets go. */
  gone(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }
}
