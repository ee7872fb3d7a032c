/** A file of JSON lines that a run which was ended, however, can go on with. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, truncate } from 'node:fs/promises'
import { ArmormError } from '../errors.js'
import { writeWhole } from '../whole-file.js'

/** Bytes gathered before they are written. */
const CHUNK_BYTES = 64 * 1024
const NEWLINE = 0x0a

export class ResumableLines {
  readonly #path: string
  readonly #file: FileHandle
  #count: number
  #waiting: string[] = []
  #bytes = 0

  private constructor(path: string, file: FileHandle, count: number) {
    this.#path = path
    this.#file = file
    this.#count = count
  }

  /**
   * Opens `<path>.partial`: with the whole lines of an earlier run where that was of the same making, else empty.
   * @param making - a value of JSON; all that lines depend on
   * @throws ArmormError invalid_config where `path` exists or cannot be written
   */
  static async open(path: string, making: object): Promise<ResumableLines> {
    const exists = await stat(path).then(
      () => true,
      () => false
    )
    if (exists) throw new ArmormError('invalid_config', `${path} exists already`)
    const partial = partialOf(path)
    const stated = JSON.stringify(making)
    try {
      const before = await readFile(makingOf(path), 'utf8').catch(() => '')
      const { count, bytes } = before === stated ? await wholeLines(partial) : { count: 0, bytes: 0 }
      const file = await open(partial, 'a')
      await truncate(partial, bytes)
      await writeWhole(makingOf(path), stated)
      return new ResumableLines(path, file, count)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw new ArmormError('invalid_config', `${path} cannot be written (${code})`, {}, error)
    }
  }

  /** Lines in all, those of earlier runs too. */
  get count(): number {
    return this.#count
  }

  async write(value: object): Promise<void> {
    const line = `${JSON.stringify(value, plain)}\n`
    this.#waiting.push(line)
    this.#bytes += line.length
    this.#count++
    if (this.#bytes >= CHUNK_BYTES) await this.#flush()
  }

  /** Writes what is gathered; the next run goes on behind it. */
  async close(): Promise<void> {
    await this.#flush()
    await this.#file.sync()
    await this.#file.close()
  }

  /** Gives the closed file its name. */
  async finish(): Promise<void> {
    await rename(partialOf(this.#path), this.#path)
    await rm(makingOf(this.#path))
  }

  async #flush(): Promise<void> {
    const text = this.#waiting.join('')
    this.#waiting = []
    this.#bytes = 0
    await this.#file.appendFile(text)
  }
}

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

/** Whole numbers of tables come as bigint, which JSON does not have. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
