/** Files of one JSON object a line, gzipped or not. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ArmormError } from '../errors.js'
import type { DataRow } from './rows.js'

export async function* lineRows(path: string): AsyncGenerator<DataRow> {
  const { size } = await stat(path)
  const file = createReadStream(path)
  // Whatever fails in either reaches the one that is read.
  const zipped = path.endsWith('.gz')
  const unzipped = zipped ? pipeline(file, createGunzip(), () => undefined) : file
  let line = 0
  let bytes = 0
  for await (const text of lines(unzipped)) {
    line++
    bytes += Buffer.byteLength(text) + 1
    if (text.trim() === '') continue
    const place = `${path}:${line}`
    yield { place, value: parse(text, place), done: Math.min(1, (zipped ? file.bytesRead : bytes) / size) }
  }
}

async function* lines(bytes: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytes) {
    const parts = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n')
    rest = parts.pop()!
    yield* parts
  }
  rest += decoder.decode()
  if (rest !== '') yield rest
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
