/** The header of a safetensors file: format of https://github.com/huggingface/safetensors, checked as strictly. */
import type { FileHandle } from 'node:fs/promises'
import { ArmormError } from '../errors.js'
import { ELEMENT_BYTES, type StoredType } from './widen.js'

/** Where one tensor lies in its file. */
export interface StoredTensor {
  readonly dtype: StoredType
  /** Sizes, outermost first; elements are row-major. */
  readonly shape: readonly number[]
  /** Offset of the first element in bytes, from the start of the file. */
  readonly offset: number
}

/** The limit of the reference implementation: 100 MB of header. */
const MAX_HEADER_BYTES = 100_000_000
const LENGTH_BYTES = 8

/** Reads exactly `length` bytes at `position`. @throws ArmormError unsupported_checkpoint where the file ends early. */
export async function readExactly(
  handle: FileHandle,
  target: Uint8Array,
  position: number,
  file: string
): Promise<void> {
  let done = 0
  while (done < target.length) {
    const { bytesRead } = await handle.read(target, done, target.length - done, position + done)
    if (bytesRead === 0) throw new ArmormError('unsupported_checkpoint', `${file} ends at byte ${position + done}`)
    done += bytesRead
  }
}

/**
 * Reads and checks the header of one file.
 * @param file name of the file, for messages
 * @returns tensors by name
 * @throws ArmormError unsupported_checkpoint, naming the file and the tensor
 */
export async function readHeader(handle: FileHandle, file: string): Promise<Map<string, StoredTensor>> {
  const { size } = await handle.stat()
  if (size < LENGTH_BYTES) throw bad(file, `has ${size} bytes, too few for a safetensors header`)
  const prefix = new Uint8Array(LENGTH_BYTES)
  await readExactly(handle, prefix, 0, file)
  const length = new DataView(prefix.buffer).getBigUint64(0, true)
  if (length > MAX_HEADER_BYTES) throw bad(file, `states a header of ${length} bytes, more than ${MAX_HEADER_BYTES}`)
  if (LENGTH_BYTES + Number(length) > size) {
    throw bad(file, `states a header of ${length} bytes, but the file has ${size} bytes`)
  }
  const bytes = new Uint8Array(Number(length))
  await readExactly(handle, bytes, LENGTH_BYTES, file)

  const dataStart = LENGTH_BYTES + bytes.length
  const tensors = new Map<string, StoredTensor>()
  const spans: Span[] = []
  for (const [name, entry] of parseEntries(bytes, file)) {
    const { dtype, shape, begin, end } = checkEntry(name, entry, file)
    tensors.set(name, { dtype, shape, offset: dataStart + begin })
    spans.push({ name, begin, end })
  }
  checkSpans(spans, size - dataStart, file)
  return tensors
}

interface Span {
  readonly name: string
  readonly begin: number
  readonly end: number
}

function bad(file: string, message: string): ArmormError {
  return new ArmormError('unsupported_checkpoint', `${file} ${message}`, { file })
}

function parseEntries(bytes: Uint8Array, file: string): [string, unknown][] {
  let text: string
  let parsed: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    parsed = JSON.parse(text)
  } catch (error) {
    throw new ArmormError('unsupported_checkpoint', `${file} has a header that is not JSON`, { file }, error)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw bad(file, 'has a header that is not a JSON object')
  }
  const repeated = repeatedKey(text)
  if (repeated !== undefined) throw bad(file, `names ${repeated} twice in its header`)
  return Object.entries(parsed).filter(([name]) => name !== '__metadata__')
}

/** First key that a JSON object repeats at its top level, as written; JSON.parse would silently keep the last one. */
function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>()
  let depth = 0
  for (const [token, string] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && string !== undefined) {
      const key = JSON.parse(string) as string
      if (seen.has(key)) return key
      seen.add(key)
    }
  }
  return undefined
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function checkEntry(
  name: string,
  entry: unknown,
  file: string
): { dtype: StoredType; shape: readonly number[]; begin: number; end: number } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw bad(file, `stores ${name} as ${JSON.stringify(dtype)}; BF16, F16 and F32 are supported`)
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) throw bad(file, `gives ${name} an invalid shape`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw bad(file, `gives ${name} invalid data_offsets`)
  }
  const [begin, end] = offsets as [number, number]
  const wanted = shape.reduce((product, size) => product * size, ELEMENT_BYTES[dtype as StoredType])
  if (end - begin !== wanted) {
    throw bad(file, `gives ${name} ${end - begin} bytes; ${dtype} [${shape.join(', ')}] takes ${wanted}`)
  }
  return { dtype: dtype as StoredType, shape, begin, end }
}

/** The format wants the tensors to cover the data exactly: no overlap, no hole, nothing left over. */
function checkSpans(spans: Span[], dataBytes: number, file: string): void {
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let covered = 0
  for (const { name, begin, end } of spans) {
    if (end > dataBytes) throw bad(file, `places ${name} up to byte ${end} of ${dataBytes} bytes of data`)
    if (begin < covered) throw bad(file, `places ${name} over another tensor, at byte ${begin}`)
    if (begin > covered) throw bad(file, `leaves a hole of ${begin - covered} bytes before ${name}`)
    covered = end
  }
  if (covered !== dataBytes) throw bad(file, `has ${dataBytes - covered} bytes that belong to no tensor`)
}
