/** What a step of training takes, measured while it runs. */

export interface Measured {
  readonly part: string
  readonly seconds: number
  /** Of all threads: what the part takes however busy the machine is. */
  readonly cpu_seconds: number
  /** Most memory that the process has had by the end of the part, in bytes. */
  readonly peak_memory: number
}

export class Stopwatch {
  readonly parts: Measured[] = []

  /** Runs one part of a step. */
  async time<T>(part: string, run: () => Promise<T>): Promise<T> {
    const start = performance.now()
    const cpu = process.cpuUsage()
    const result = await run()
    const seconds = Math.round(performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const peak = process.resourceUsage().maxRSS * 1024
    this.parts.push({ part, seconds, cpu_seconds: Math.round((user + system) / 1000) / 1000, peak_memory: peak })
    return result
  }
}
