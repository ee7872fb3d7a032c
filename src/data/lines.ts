/** Files of one JSON object a line, gzipped or not. */
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ArmormError } from '../errors.js'
import type { DataRow } from './rows.js'

const NEWLINE = 0x0a
/** U+FEFF, which Windows' programs begin files with. */
const BOM = Buffer.from('\ufeff')
/** More is no conversation, but a whole file in one line. */
const LONGEST_LINE = 64 << 20

export async function* lineRows(path: string): AsyncGenerator<DataRow> {
  const { size } = await stat(path)
  const file = createReadStream(path)
  // Whatever fails in either reaches the one that is read.
  const zipped = path.endsWith('.gz')
  const unzipped = zipped ? pipeline(file, createGunzip(), () => undefined) : file
  let line = 0
  let read = 0
  for await (const bytes of lines(unzipped, path)) {
    line++
    read += bytes.length + 1
    const place = `${path}:${line}`
    // Another encoding read as UTF-8 would be trained on as it is, with a mark for each letter that is none.
    if (!isUtf8(bytes)) throw new ArmormError('invalid_data', `${place} is not UTF-8`)
    const text = bytes.toString('utf8', line === 1 && bytes.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0)
    if (text.trim() === '') continue
    yield { place, value: parse(text, place), done: Math.min(1, (zipped ? file.bytesRead : read) / size) }
  }
}

/** Without their ends. @throws ArmormError invalid_data naming a line that is too long */
async function* lines(bytes: AsyncIterable<unknown>, path: string): AsyncGenerator<Buffer> {
  let line = 1
  let pieces: Buffer[] = []
  let length = 0
  const add = (piece: Buffer): void => {
    pieces.push(piece)
    length += piece.length
    if (length <= LONGEST_LINE) return
    const what = `is longer than ${LONGEST_LINE >> 20} MiB; a line holds one JSON object`
    throw new ArmormError('invalid_data', `${path}:${line} ${what}`)
  }
  const take = (): Buffer => {
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    pieces = []
    length = 0
    line++
    return whole
  }
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end))
      yield take()
      from = end + 1
    }
    if (from < chunk.length) add(chunk.subarray(from))
  }
  if (length > 0) yield take()
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
