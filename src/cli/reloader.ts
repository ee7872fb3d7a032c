/** Puts another model into service while requests come: one at a time, and only if it proves itself. */
import { ArmormError, type ErrorCode } from '../errors.js'
import type { Logger } from '../http/logger.js'
import type { Reloaded, ServedModel } from '../http/services.js'

/** A model that can be ended. */
export interface Swappable extends Pick<ServedModel, 'manifest'> {
  /** Ends it, once no request needs it any more. */
  retire(): Promise<void>
  close(): Promise<void>
}

export interface ReloaderOptions<T extends Swappable> {
  /** What is served: `current` is replaced. */
  readonly slot: { current: T }
  /** Loads, warms up and tests a model. @throws ArmormError; nothing of it runs then */
  readonly load: (current: T) => Promise<T>
  readonly logger: Logger
  /** Told after each reload: of the model that is in service now, or of the error that left the old one there. */
  readonly onEnd: (outcome: { readonly model: T } | { readonly error: ErrorCode }) => void
}

export class Reloader<T extends Swappable> {
  readonly #options: ReloaderOptions<T>
  /** From the beginning of a reload until the model before has ended: two are the most that memory has to hold. */
  #busy: 'loading' | 'draining' | null = null
  readonly #stop = new AbortController()

  constructor(options: ReloaderOptions<T>) {
    this.#options = options
  }

  /**
   * Loads a model beside the one in service and switches to it. Requests that came before are answered by the old one,
   * which then ends.
   * @throws ArmormError reload_running; reload_failed with the reason, and the old model serves on; shutting_down
   */
  async reload(): Promise<Reloaded> {
    if (this.#stop.signal.aborted) throw shuttingDown()
    if (this.#busy) {
      const what = this.#busy === 'loading' ? 'a reload is under way' : 'the model before still has requests to answer'
      throw new ArmormError('reload_running', what)
    }
    this.#busy = 'loading'
    // The stop waits for requests in flight, this one among them, but not for a model that loads.
    let stopped = () => {}
    const stop = new Promise<never>((_resolve, reject) => (stopped = () => reject(shuttingDown())))
    this.#stop.signal.addEventListener('abort', stopped, { once: true })
    try {
      return await Promise.race([this.#reload(), stop])
    } finally {
      this.#stop.signal.removeEventListener('abort', stopped)
    }
  }

  /** No reload switches any more; one under way is refused. */
  stop(): void {
    this.#stop.abort()
  }

  async #reload(): Promise<Reloaded> {
    const { slot, load, logger, onEnd } = this.#options
    const began = performance.now()
    const previous = slot.current
    let model: T
    try {
      model = await load(previous)
    } catch (error) {
      this.#busy = null
      const { code, message, details } = error instanceof ArmormError ? error : internal(error)
      logger.error({ code, message }, 'reload failed: the model before serves on')
      onEnd({ error: code })
      throw new ArmormError('reload_failed', `${code}: ${message}`, { ...details, reason: code }, error)
    }
    if (this.#stop.signal.aborted) {
      await model.close()
      throw shuttingDown()
    }
    slot.current = model
    this.#busy = 'draining'
    void this.#retire(previous)
    onEnd({ model })
    const ms = Math.round(performance.now() - began)
    const revisions = { previous: previous.manifest.model.revision, revision: model.manifest.model.revision }
    logger.info({ ...revisions, ms }, 'reloaded')
    return { previous: previous.manifest, current: model.manifest, ms }
  }

  async #retire(model: T): Promise<void> {
    const { logger } = this.#options
    const { revision } = model.manifest.model
    try {
      await model.retire()
      logger.info({ revision }, 'the model before has ended')
    } catch (error) {
      logger.error({ err: error, revision }, 'the model before did not end in order')
    }
    this.#busy = null
  }
}

function shuttingDown(): ArmormError {
  return new ArmormError('shutting_down', 'the server is shutting down')
}

function internal(error: unknown): ArmormError {
  return new ArmormError('internal', error instanceof Error ? error.message : String(error), {}, error)
}
