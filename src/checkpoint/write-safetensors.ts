/** Writes one safetensors file of float32 tensors: format of https://github.com/huggingface/safetensors. */
import { open } from 'node:fs/promises'

export interface Matrix {
  /** Sizes, outermost first. */
  readonly shape: readonly number[]
  /** Row-major. */
  readonly values: Float32Array
}

/** Writes the tensors in their order, and has them on the disk when it returns. */
export async function writeSafetensors(path: string, tensors: ReadonlyMap<string, Matrix>): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] }
    offset += values.byteLength
  }
  const text = JSON.stringify(header)
  // Tensors start at a multiple of 8 bytes, as upstream writes them.
  const padded = text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(padded)))
  const file = await open(path, 'w')
  try {
    await file.writeFile(Buffer.concat([length, Buffer.from(padded)]))
    for (const { values } of tensors.values()) {
      await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    }
    await file.sync()
  } finally {
    await file.close()
  }
}
