/**
 * Messages as bytes. Native code shares the engine's file descriptors, so what comes over them may be anything: each
 * message stands between marks, and bytes that do not are told from messages before anything is made of them.
 *
 * A frame is a mark of four bytes, its whole length as uint32 (little endian), a structured clone, a mark of eight bytes.
 * Bytes in front of it break the first mark, bytes within it the last.
 */
import { DefaultSerializer, deserialize } from 'node:v8'

const HEAD = Buffer.from([0xa7, 0x1c, 0xe3, 0x5b, 0, 0, 0, 0])
const MARK_BYTES = 4
const TAIL = Buffer.from([0x9d, 0xf2, 0x41, 0xb8, 0x0e, 0xc6, 0x73, 0xea])
/** No message is longer: hundreds of times the largest batch. */
const MAX_BYTES = 2 ** 30

/** @returns the message as one frame. @throws Error where it cannot be cloned */
export function frameOf(message: unknown): Buffer {
  const serializer = new DefaultSerializer()
  // Written around the clone, so that no byte of it is copied.
  serializer.writeRawBytes(HEAD)
  serializer.writeHeader()
  serializer.writeValue(message)
  serializer.writeRawBytes(TAIL)
  const frame = serializer.releaseBuffer()
  frame.writeUInt32LE(frame.length, MARK_BYTES)
  return frame
}

/** Makes messages of bytes that come in pieces of any length. */
export class FrameReader {
  readonly #onMessage: (message: unknown) => void
  readonly #onBroken: (reason: string) => void
  #chunks: Buffer[] = []
  #bytes = 0
  /** Bytes that have to be there before there is anything to do. */
  #needed = 1
  #broken = false

  /** @param onBroken - told once of bytes that are no frame; what follows them is not read */
  constructor(onMessage: (message: unknown) => void, onBroken: (reason: string) => void) {
    this.#onMessage = onMessage
    this.#onBroken = onBroken
  }

  push(chunk: Buffer): void {
    if (this.#broken) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= this.#needed && !this.#broken) this.#next()
  }

  #next(): void {
    const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes)
    this.#keep(bytes)
    // A single stray byte is known at once.
    const known = Math.min(bytes.length, MARK_BYTES)
    if (bytes.compare(HEAD, 0, known, 0, known) !== 0) return this.#break('bytes that begin no message')
    if (bytes.length < HEAD.length) {
      this.#needed = HEAD.length
      return
    }
    const length = bytes.readUInt32LE(MARK_BYTES)
    if (length < HEAD.length + TAIL.length || length > MAX_BYTES) return this.#break(`a message of ${length} bytes`)
    if (bytes.length < length) {
      this.#needed = length
      return
    }
    const end = length - TAIL.length
    if (bytes.compare(TAIL, 0, TAIL.length, end, length) !== 0) return this.#break('a message with bytes in it')
    this.#keep(bytes.subarray(length))
    this.#needed = 1
    let message: unknown
    try {
      message = deserialize(bytes.subarray(HEAD.length, end))
    } catch {
      return this.#break('a message that cannot be read')
    }
    this.#onMessage(message)
  }

  #keep(bytes: Buffer): void {
    this.#chunks = bytes.length > 0 ? [bytes] : []
    this.#bytes = bytes.length
  }

  #break(reason: string): void {
    this.#broken = true
    this.#keep(Buffer.alloc(0))
    this.#onBroken(reason)
  }
}
