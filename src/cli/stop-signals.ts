import type { Logger } from '../http/logger.js'

/**
 * What signals do. The first SIGTERM or SIGINT stops in order, the second at once: as process 1 nothing else would.
 * SIGHUP reloads; where the log goes to a terminal it means that the terminal has closed, and stops.
 */
export class StopSignals {
  /** Stops what was started; false when work in flight had to be cut. */
  stop: () => Promise<boolean> = async () => true
  /** Begins a reload. While the server starts there is nothing to reload. */
  reload: () => void = () => undefined
  #stopping = false

  constructor(logger: Logger) {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.#received(signal, logger))
    process.on('SIGHUP', () => {
      if (process.stdout.isTTY) return void this.#received('SIGHUP', logger)
      logger.info({ signal: 'SIGHUP' }, 'reload asked for')
      this.reload()
    })
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
