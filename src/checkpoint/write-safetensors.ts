/** Writes safetensors files: format of https://github.com/huggingface/safetensors. */
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { INDEX_FILE, SINGLE_FILE, type TensorInfo } from './safetensors.js'
import { ELEMENT_BYTES } from './widen.js'

export interface Matrix {
  /** Sizes, outermost first. */
  readonly shape: readonly number[]
  /** Row-major. */
  readonly values: Float32Array
}

/** A tensor that is read when it is written, so that memory does not grow with the model. */
export interface TensorSource extends TensorInfo {
  readonly name: string
  /** Its stored bytes, in pieces: little-endian elements, row-major. */
  readonly bytes: () => AsyncIterable<Uint8Array>
}

/** A float32 tensor that is in memory. */
export function float32Source(name: string, { shape, values }: Matrix): TensorSource {
  return {
    name,
    dtype: 'F32',
    shape,
    async *bytes() {
      yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    }
  }
}

/** Bytes that a tensor takes. */
export function storedSize({ dtype, shape }: TensorInfo): number {
  return shape.reduce((product, size) => product * size, ELEMENT_BYTES[dtype])
}

/** Writes one file of float32 tensors in their order, and has them on the disk when it returns. */
export async function writeSafetensors(path: string, tensors: ReadonlyMap<string, Matrix>): Promise<void> {
  await writeSources(
    path,
    [...tensors].map(([name, matrix]) => float32Source(name, matrix))
  )
}

/**
 * Writes a checkpoint's tensors: one file, or, where they take more bytes than a shard may, several and their index, named
 * as transformers does. A tensor larger than a shard has one of its own.
 */
export async function writeShards(
  folder: string,
  tensors: readonly TensorSource[],
  shardBytes: number,
  onProgress?: (bytes: number) => void
): Promise<void> {
  const shards: TensorSource[][] = [[]]
  let room = shardBytes
  for (const tensor of tensors) {
    const size = storedSize(tensor)
    if (size > room && shards.at(-1)!.length > 0) {
      shards.push([])
      room = shardBytes
    }
    shards.at(-1)!.push(tensor)
    room -= size
  }
  if (shards.length === 1) return writeSources(join(folder, SINGLE_FILE), tensors, onProgress)
  const number = (n: number) => String(n).padStart(5, '0')
  const weightMap: Record<string, string> = {}
  for (const [index, shard] of shards.entries()) {
    const file = `model-${number(index + 1)}-of-${number(shards.length)}.safetensors`
    await writeSources(join(folder, file), shard, onProgress)
    for (const { name } of shard) weightMap[name] = file
  }
  const total = tensors.reduce((sum, tensor) => sum + storedSize(tensor), 0)
  const index = { metadata: { total_size: total }, weight_map: weightMap }
  await writeFile(join(folder, INDEX_FILE), `${JSON.stringify(index, null, 2)}\n`)
}

async function writeSources(
  path: string,
  tensors: readonly TensorSource[],
  onProgress?: (bytes: number) => void
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const tensor of tensors) {
    const end = offset + storedSize(tensor)
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] }
    offset = end
  }
  const text = JSON.stringify(header)
  // Tensors start at a multiple of 8 bytes, as upstream writes them.
  const padded = text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(padded)))
  const file = await open(path, 'w')
  try {
    await file.writeFile(Buffer.concat([length, Buffer.from(padded)]))
    for (const tensor of tensors) {
      let written = 0
      for await (const piece of tensor.bytes()) {
        await file.writeFile(piece)
        written += piece.length
        onProgress?.(piece.length)
      }
      const wanted = storedSize(tensor)
      if (written !== wanted) throw new RangeError(`${tensor.name} has ${written} bytes; its shape takes ${wanted}`)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}
