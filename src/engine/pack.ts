/** A batch of sequences as the inputs of backbone.onnx: packed tokens, and rows over them. */
import type { EngineSequence } from './contract.js'

export interface PackedBatch {
  /** `[T]` distinct tokens: sequences that begin with the same tokens share them. */
  readonly tokenIds: BigInt64Array
  /** `[B * L]` packed index at each row's position; 0 past the end of a row. */
  readonly rows: BigInt64Array
  /** `[B]` tokens of each row. */
  readonly rowLengths: Int32Array
  /** L, tokens of the longest row. */
  readonly rowLength: number
  /** `[T]` flat row position (b * L + position) at which each packed token's attention is taken back. */
  readonly slots: BigInt64Array
  /** `[2 B]` packed indices: the last token of each row, then the gate position of each row. */
  readonly wanted: BigInt64Array
}

/**
 * Packs a batch. A token's hidden state depends on the tokens up to it alone, so equal prefixes are computed once: the
 * packed tokens are the nodes of a prefix tree over the rows.
 * @throws RangeError for an empty batch or sequence, or a gate position outside its sequence: kernels die of those
 */
export function packBatch(batch: readonly EngineSequence[]): PackedBatch {
  if (batch.length === 0) throw new RangeError('a batch needs at least one sequence')
  const rowLength = batch.reduce((longest, { ids }) => Math.max(longest, ids.length), 0)
  const total = batch.reduce((sum, { ids }) => sum + ids.length, 0)
  const tokenIds = new BigInt64Array(total)
  const slots = new BigInt64Array(total)
  const rows = new BigInt64Array(batch.length * rowLength)
  const rowLengths = new Int32Array(batch.length)
  const wanted = new BigInt64Array(2 * batch.length)
  /** Packed index of the token `id` after the packed token `parent` (-1: none), by the key of both. */
  const following = new Map<number, number>()
  let packed = 0

  batch.forEach(({ ids, gateIndex }, row) => {
    if (ids.length === 0) throw new RangeError(`sequence ${row} is empty`)
    if (!(Number.isInteger(gateIndex) && gateIndex >= 0 && gateIndex < ids.length)) {
      throw new RangeError(`sequence ${row}: gate position ${gateIndex} is outside its ${ids.length} tokens`)
    }
    rowLengths[row] = ids.length
    let parent = -1
    for (let position = 0; position < ids.length; position++) {
      const id = ids[position]!
      const key = (parent + 1) * 2 ** 31 + id
      let index = following.get(key)
      if (index === undefined) {
        index = packed++
        following.set(key, index)
        tokenIds[index] = BigInt(id)
        slots[index] = BigInt(row * rowLength + position)
      }
      rows[row * rowLength + position] = BigInt(index)
      parent = index
    }
    wanted[row] = rows[row * rowLength + ids.length - 1]!
    wanted[batch.length + row] = rows[row * rowLength + gateIndex]!
  })
  return { tokenIds: tokenIds.slice(0, packed), slots: slots.slice(0, packed), rows, rowLengths, rowLength, wanted }
}
