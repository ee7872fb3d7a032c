/** The file of API keys, read anew when it changes. */
import { readFileSync, statSync } from 'node:fs'
import { ArmormError } from '../../errors.js'
import type { Logger } from '../logger.js'
import { type ApiKey, KeyRing, parseKeys } from './api-keys.js'

/** Milliseconds between looks at the file: by its state, which follows links that are switched, as Kubernetes does. */
const WATCH_MS = 1000
/** The bit of a file's mode by which everybody may read it. */
const READABLE_BY_ALL = 0o004

export class KeyFile {
  readonly #path: string
  readonly #logger: Logger
  readonly #watchMs: number
  readonly ring: KeyRing
  /** Of the file as it was read last. */
  #state = ''
  #watch: NodeJS.Timeout | undefined

  /** @throws ArmormError invalid_config when the file cannot be read, or a line of it is no key. */
  constructor(path: string, logger: Logger, watchMs = WATCH_MS) {
    this.#path = path
    this.#logger = logger
    this.#watchMs = watchMs
    this.ring = new KeyRing(this.#read())
    logger.info({ keys: this.ring.size }, 'API keys are asked for')
  }

  /** Reads the file again; one that is not there or not right leaves the keys as they are, and is logged. */
  reload(): void {
    try {
      this.ring.replace(this.#read())
      this.#logger.info({ keys: this.ring.size }, 'API keys read again')
    } catch (error) {
      const { message } = error as Error
      this.#logger.error({ reason: message }, 'API keys not read again: those of before stay good')
    }
  }

  /** Reads the file again whenever it is another than was read last; keeps no process alive. */
  watch(): void {
    // Not fs.watchFile: it holds the file against the state of its own first look, which may come after a change.
    this.#watch ??= setInterval(() => {
      if (stateOf(this.#path) !== this.#state) this.reload()
    }, this.#watchMs).unref()
  }

  close(): void {
    clearInterval(this.#watch)
  }

  #read(): ApiKey[] {
    // Before its text: what changes in between is read once more.
    this.#state = stateOf(this.#path)
    let text
    try {
      text = readFileSync(this.#path, 'utf8')
      if ((statSync(this.#path).mode & READABLE_BY_ALL) !== 0) {
        this.#logger.warn({ file: this.#path }, 'everybody on this machine can read the API keys: chmod 600 the file')
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new ArmormError('invalid_config', `the file of API keys ${this.#path} cannot be read (${code})`, {}, error)
    }
    return parseKeys(text)
  }
}

/** What changes when a file does: its content, its length, or which file it is. */
function stateOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path)
    return [mtimeMs, size, ino].join(' ')
  } catch {
    return 'none'
  }
}
