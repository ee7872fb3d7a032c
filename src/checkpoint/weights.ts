/** Weight matrices as streams of row blocks: what keeps memory bounded however large a checkpoint is. */
import { ArmormError } from '../errors.js'
import type { SafetensorsReader } from './safetensors.js'

/** A `[rows, columns]` float32 matrix (torch's Linear layout: one row an output), read in blocks of rows. */
export interface WeightSource {
  readonly rows: number
  readonly columns: number
  /** `[count, columns]` rows `first .. first + count - 1`, row-major. */
  read(first: number, count: number): Promise<Float32Array>
}

/**
 * A tensor of the checkpoint; a 1-D tensor is one row.
 * @throws ArmormError unsupported_checkpoint on reading a value that is not a finite number
 */
export function tensorSource(reader: SafetensorsReader, name: string): WeightSource {
  const { shape } = reader.info(name)
  const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!]
  return {
    rows,
    columns,
    async read(first, count) {
      const block = shape.length === 1 ? await reader.readAll(name) : await reader.readRows(name, first, count)
      for (let i = 0; i < block.length; i++) {
        if (Number.isFinite(block[i])) continue
        throw new ArmormError(
          'unsupported_checkpoint',
          `tensor ${name} holds ${block[i]} in row ${first + Math.floor(i / columns)}`
        )
      }
      return block
    }
  }
}

/**
 * A whole tensor of the checkpoint: `shape` float32, row-major.
 * @throws ArmormError unsupported_checkpoint for a value that is not a finite number
 */
export async function readFinite(reader: SafetensorsReader, name: string): Promise<Float32Array> {
  const source = tensorSource(reader, name)
  return source.read(0, source.rows)
}

/** Bytes of float32 that one block may hold. */
const BLOCK_BYTES = 32 * 1024 * 1024

/** Row blocks of a matrix, first to last. */
export async function* rowBlocks(
  source: WeightSource
): AsyncGenerator<{ first: number; count: number; block: Float32Array }> {
  const step = Math.max(1, Math.floor(BLOCK_BYTES / 4 / source.columns))
  for (let first = 0; first < source.rows; first += step) {
    const count = Math.min(step, source.rows - first)
    yield { first, count, block: await source.read(first, count) }
  }
}
