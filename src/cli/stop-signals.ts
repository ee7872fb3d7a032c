import type { Logger } from '../http/logger.js'

/** What SIGTERM and SIGINT do: the first stops in order, the second at once. As process 1 nothing else would. */
export class StopSignals {
  /** Stops what was started; false when work in flight had to be cut. */
  stop: () => Promise<boolean> = async () => true
  #stopping = false

  constructor(logger: Logger) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.#received(signal, logger))
  }

  async #received(signal: NodeJS.Signals, logger: Logger): Promise<void> {
    if (this.#stopping) process.exit(1)
    this.#stopping = true
    logger.info({ signal }, 'stopping')
    try {
      const finished = await this.stop()
      logger.info({ finished }, 'stopped')
      process.exit(finished ? 0 : 1)
    } catch (error) {
      logger.error({ err: error }, 'stopping failed')
      process.exit(1)
    }
  }
}
