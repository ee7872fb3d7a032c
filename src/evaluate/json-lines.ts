/** Files of one JSON object a line, read as a stream. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { ArmormError } from '../errors.js'

export interface JsonLine {
  /** `file:line`, for messages. */
  readonly place: string
  readonly value: object
  /** Bytes of the file up to and including this line. */
  readonly bytes: number
}

/**
 * The objects of a file, without its empty lines.
 * @throws ArmormError invalid_data naming file and line, and never quoting it
 */
export async function* jsonLines(path: string): AsyncGenerator<JsonLine> {
  let line = 0
  let bytes = 0
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      line++
      bytes += Buffer.byteLength(text) + 1
      if (text.trim() === '') continue
      const place = `${path}:${line}`
      yield { place, value: parse(text, place), bytes }
    }
  } catch (error) {
    if (error instanceof ArmormError) throw error
    throw new ArmormError(
      'invalid_data',
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      {},
      error
    )
  }
}

function parse(text: string, place: string): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Told below, without the text that JSON.parse quotes.
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new ArmormError('invalid_data', `${place} is not a JSON object`)
}
