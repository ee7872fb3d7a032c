/** The file beside an ONNX graph that holds its large initializers, written in blocks at known offsets. */
import { type FileHandle, open } from 'node:fs/promises'

/** A cache line: kernels read initializers in place from the mapped file. */
const ALIGNMENT = 64

export interface ExternalRegion {
  readonly offset: number
  readonly bytes: number
}

export class ExternalDataWriter {
  #end = 0
  readonly #file: FileHandle

  private constructor(
    file: FileHandle,
    /** File name as the graph refers to it, relative to the graph's folder. */
    readonly location: string
  ) {
    this.#file = file
  }

  static async create(path: string, location: string): Promise<ExternalDataWriter> {
    return new ExternalDataWriter(await open(path, 'w'), location)
  }

  /** Reserves room for one initializer of `bytes` bytes. */
  allocate(bytes: number): ExternalRegion {
    const offset = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT
    this.#end = offset + bytes
    return { offset, bytes }
  }

  /** Gives back every region from `region` on: what was tried there did not work out. */
  rewind(region: ExternalRegion): void {
    this.#end = region.offset
  }

  /** Writes one block of a region, `at` bytes from its start. */
  async write(region: ExternalRegion, at: number, block: ArrayBufferView): Promise<void> {
    if (at + block.byteLength > region.bytes) throw new Error('external data: a block exceeds its region')
    const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength)
    let written = 0
    while (written < bytes.length) {
      const { bytesWritten } = await this.#file.write(
        bytes,
        written,
        bytes.length - written,
        region.offset + at + written
      )
      written += bytesWritten
    }
  }

  async close(): Promise<void> {
    await this.#file.truncate(this.#end)
    await this.#file.close()
  }
}
