/** A file of JSON lines that a run which was ended, however, can go on with. */
import { createReadStream } from 'node:fs'
import { type FileHandle, lstat, open, readFile, rename, rm, truncate } from 'node:fs/promises'
import { ArmormError } from '../errors.js'
import { takeLock } from '../lock-file.js'
import { writeWhole } from '../whole-file.js'

/** Bytes gathered before they are written. */
const CHUNK_BYTES = 64 * 1024
const NEWLINE = 0x0a

export class ResumableLines {
  readonly #path: string
  readonly #file: FileHandle
  readonly #release: () => void
  #count: number
  #waiting: string[] = []
  #bytes = 0
  #open = true

  private constructor(path: string, file: FileHandle, release: () => void, count: number) {
    this.#path = path
    this.#file = file
    this.#release = release
    this.#count = count
  }

  /**
   * Opens `<path>.partial`: with the whole lines of an earlier run where that was of the same making, else empty. Until
   * `close` no other process opens it.
   * @param making - a value of JSON; all that lines depend on
   * @throws ArmormError invalid_config where `path` exists or cannot be written, or `<path>.partial` is no earlier run's;
   *   work_in_use
   */
  static async open(path: string, making: object): Promise<ResumableLines> {
    const release = await written(path, () => takeLock(`${path}.partial.lock`, path))
    try {
      return await written(path, () => this.#prepared(path, JSON.stringify(making), release))
    } catch (error) {
      release()
      throw error
    }
  }

  static async #prepared(path: string, making: string, release: () => void): Promise<ResumableLines> {
    const [partial, known] = [partialOf(path), makingOf(path)]
    if (await exists(path)) throw new ArmormError('invalid_config', `${path} exists already`)
    const before = (await exists(known)) ? await readFile(known, 'utf8') : null
    if (before === null && (await exists(partial))) {
      const message = `${partial} exists already, and is no earlier run's: ${known} would be beside it`
      throw new ArmormError('invalid_config', message)
    }
    // What says whose the lines are is never beside lines that are another's.
    if (before !== making) {
      await rm(partial, { force: true })
      await writeWhole(known, making)
    }
    const { count, bytes } = await wholeLines(partial)
    const file = await open(partial, 'a')
    await truncate(partial, bytes)
    return new ResumableLines(path, file, release, count)
  }

  /** Lines in all, those of earlier runs too. */
  get count(): number {
    return this.#count
  }

  /** @throws ArmormError invalid_config where the file cannot be written */
  async write(value: object): Promise<void> {
    const line = `${JSON.stringify(value, plain)}\n`
    this.#waiting.push(line)
    this.#bytes += line.length
    this.#count++
    if (this.#bytes >= CHUNK_BYTES) await this.#flush()
  }

  /** Gives the file its name: all lines are written. @throws ArmormError as `write` does */
  async finish(): Promise<void> {
    await this.#shut()
    await written(this.#path, () => rename(partialOf(this.#path), this.#path))
    await rm(makingOf(this.#path), { force: true })
  }

  /** Writes what is gathered; the next run goes on behind it. @throws ArmormError as `write` does */
  async close(): Promise<void> {
    try {
      await this.#shut()
    } finally {
      this.#release()
    }
  }

  async #shut(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    try {
      await this.#flush()
      await written(this.#path, () => this.#file.sync())
    } finally {
      await this.#file.close()
    }
  }

  async #flush(): Promise<void> {
    const text = this.#waiting.join('')
    this.#waiting = []
    this.#bytes = 0
    await written(this.#path, () => this.#file.appendFile(text))
  }
}

/** Does what writes a file. @throws ArmormError invalid_config with the system's code */
async function written<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof ArmormError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new ArmormError('invalid_config', `${path} cannot be written (${code})`, {}, error)
  }
}

/** Whether there is something of that name, a link that leads nowhere too. */
const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false
  )

const partialOf = (path: string): string => `${path}.partial`
const makingOf = (path: string): string => `${path}.partial.json`

/** Lines of a file that have their end, and the bytes of them. */
async function wholeLines(path: string): Promise<{ count: number; bytes: number }> {
  let count = 0
  let bytes = 0
  let read = 0
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) {
        count++
        bytes = read + at + 1
      }
      read += chunk.length
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return { count, bytes }
}

/** Whole numbers of tables come as bigint, and what is no text as bytes: JSON has neither. */
function plain(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
