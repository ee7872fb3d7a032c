/** A batch on its way to the engine: one array of ids instead of many, each of which costs more than its bytes. */
import type { EngineSequence } from './contract.js'

export interface PackedBatch {
  /** `[tokens]` ids of all sequences, one after another. */
  readonly ids: Int32Array
  /** `[N]` tokens of each sequence. */
  readonly lengths: readonly number[]
  /** `[N]` gate index of each sequence. */
  readonly gates: readonly number[]
}

export function packBatch(batch: readonly EngineSequence[]): PackedBatch {
  const lengths = batch.map(({ ids }) => ids.length)
  const gates = batch.map(({ gateIndex }) => gateIndex)
  if (batch.length === 1) return { ids: batch[0]!.ids, lengths, gates }
  const ids = new Int32Array(lengths.reduce((sum, length) => sum + length, 0))
  let at = 0
  for (const each of batch) {
    ids.set(each.ids, at)
    at += each.ids.length
  }
  return { ids, lengths, gates }
}

/** @returns sequences over the memory of the packed ids */
export function unpackBatch({ ids, lengths, gates }: PackedBatch): EngineSequence[] {
  let at = 0
  return lengths.map((length, row) => {
    const sequence = { ids: ids.subarray(at, at + length), gateIndex: gates[row]! }
    at += length
    return sequence
  })
}
