/** What a step of training takes, measured while it runs. */

export interface Measured {
  readonly part: string
  readonly seconds: number
  /** Most memory that the process has had by the end of the part, in bytes. */
  readonly peak_memory: number
}

export class Stopwatch {
  readonly parts: Measured[] = []

  /** Runs one part of a step. */
  async time<T>(part: string, run: () => Promise<T>): Promise<T> {
    const start = performance.now()
    const result = await run()
    const seconds = Math.round(performance.now() - start) / 1000
    this.parts.push({ part, seconds, peak_memory: process.resourceUsage().maxRSS * 1024 })
    return result
  }
}
