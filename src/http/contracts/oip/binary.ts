/**
 * Triton's binary tensor data extension (`docs/protocol/extension_binary_data.md` of its server). Behind the JSON stand
 * the bytes of tensors that have `parameters.binary_data_size`, in their order; the header says where the JSON ends.
 * Elements are little-endian, those of BYTES a length of 4 bytes and so many bytes.
 */
import { ArmormError } from '../../../errors.js'
import { inflated } from '../../inflate.js'
import type { BodyReader } from '../../json-body.js'
import { BytesReply } from '../contract.js'
import type { Wanted } from './outputs.js'
import type { InferReply, ReplyTensor } from './schema.js'

export const LENGTH_HEADER = 'inference-header-content-length'

/** Bytes of an element, and how to read the one at an offset. */
const INTEGERS = new Map<string, readonly [number, (bytes: Buffer, at: number) => number]>([
  ['INT32', [4, (bytes, at) => bytes.readInt32LE(at)]],
  ['UINT32', [4, (bytes, at) => bytes.readUInt32LE(at)]],
  // Ids that a number cannot hold are none of any vocabulary, rounded or not.
  ['INT64', [8, (bytes, at) => Number(bytes.readBigInt64LE(at))]],
  ['UINT64', [8, (bytes, at) => Number(bytes.readBigUInt64LE(at))]]
])

/** The body as if all tensors had come in JSON. @throws ArmormError naming the tensor by its place. */
export const readInferBody: BodyReader = async (wire, source) => {
  const body = await inflated(wire, source)
  const given = source.headers[LENGTH_HEADER]
  if (given === undefined) return withTensors(source.readJson(body), Buffer.alloc(0))
  const length = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : NaN
  if (!(length <= body.length)) {
    const message = `the header ${LENGTH_HEADER} must be the bytes of the JSON, at most the ${body.length} of the body`
    throw new ArmormError('invalid_request', message, { header: LENGTH_HEADER })
  }
  return withTensors(source.parseJson(body.subarray(0, length)), body.subarray(length))
}

function withTensors(json: unknown, bytes: Buffer): unknown {
  // The schema says better what is wrong with a body of another form.
  if (!isRecord(json) || !Array.isArray(json['inputs'])) return json
  let at = 0
  const inputs = json['inputs'].map((input: unknown, place) => {
    const size = sizeOf(input, place)
    if (size === undefined) return input
    if (size > bytes.length - at) {
      throw refused(place, `binary_data_size is ${size}, but ${bytes.length - at} bytes are left`)
    }
    at += size
    return { ...(input as object), data: readTensor(input as object, bytes.subarray(at - size, at), place) }
  })
  if (at === bytes.length) return { ...json, inputs }
  throw new ArmormError('invalid_request', `${bytes.length - at} bytes follow those of the last input`)
}

/** `parameters.binary_data_size`; undefined for a tensor whose data are JSON. */
function sizeOf(input: unknown, place: number): number | undefined {
  const parameters = isRecord(input) ? input['parameters'] : undefined
  const size = isRecord(parameters) ? parameters['binary_data_size'] : undefined
  if (size === undefined) return undefined
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw refused(place, 'binary_data_size must be a number of bytes')
  }
  if (isRecord(input) && 'data' in input) throw refused(place, 'there are both data and binary_data_size')
  return size as number
}

function readTensor(input: { readonly datatype?: unknown }, bytes: Buffer, place: number): unknown[] {
  if (input.datatype === 'BYTES') return readTexts(bytes, place)
  const integer = INTEGERS.get(String(input.datatype))
  if (!integer) throw refused(place, `binary data must be of datatype BYTES, ${[...INTEGERS.keys()].join(', ')}`)
  const [width, read] = integer
  if (bytes.length % width !== 0) {
    throw refused(place, `binary_data_size is ${bytes.length}, but an element has ${width} bytes`)
  }
  return Array.from({ length: bytes.length / width }, (_, i) => read(bytes, i * width))
}

function readTexts(bytes: Buffer, place: number): string[] {
  // A byte order mark within a tensor is part of its text.
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const texts: string[] = []
  for (let at = 0; at < bytes.length;) {
    const element = `element ${texts.length} at byte ${at}`
    if (bytes.length - at < 4) throw refused(place, `${element} has no whole length of 4 bytes`)
    const length = bytes.readUInt32LE(at)
    at += 4
    if (length > bytes.length - at) {
      throw refused(place, `${element} has length ${length}, but ${bytes.length - at} bytes are left`)
    }
    try {
      texts.push(utf8.decode(bytes.subarray(at, at + length)))
    } catch {
      throw refused(place, `${element} is not valid UTF-8`)
    }
    at += length
  }
  return texts
}

function refused(place: number, message: string): ArmormError {
  return new ArmormError('invalid_request', `inputs[${place}]: ${message}`)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The reply with the tensors that were asked for as bytes behind the JSON; as it is when none was. */
export function withBinary(reply: InferReply, wanted: readonly Wanted[]): InferReply | BytesReply {
  if (!wanted.some(({ binary }) => binary)) return reply
  const buffers: Buffer[] = []
  const outputs = reply.outputs.map(({ data = [], ...tensor }, i) => {
    if (!wanted[i]?.binary) return { ...tensor, data }
    const bytes = tensorBytes(tensor.datatype, data)
    buffers.push(bytes)
    return { ...tensor, parameters: { binary_data_size: bytes.length } }
  })
  const json = Buffer.from(JSON.stringify({ ...reply, outputs }))
  const headers = { 'content-type': 'application/octet-stream', [LENGTH_HEADER]: String(json.length) }
  return new BytesReply(Buffer.concat([json, ...buffers]), headers)
}

function tensorBytes(datatype: ReplyTensor['datatype'], data: NonNullable<ReplyTensor['data']>): Buffer {
  if (datatype === 'BOOL') return Buffer.from(data.map(Number))
  if (datatype === 'FP32') {
    const bytes = Buffer.alloc(data.length * 4)
    data.forEach((value, i) => bytes.writeFloatLE(Number(value), i * 4))
    return bytes
  }
  return Buffer.concat(
    data.flatMap((value) => {
      const text = Buffer.from(String(value))
      const length = Buffer.alloc(4)
      length.writeUInt32LE(text.length)
      return [length, text]
    })
  )
}
