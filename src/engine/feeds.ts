/** What the two forms of a backbone graph read of a packed batch, by the names of the graph's inputs. */
import { cascadeInputs, type PackedBatch, rowInputs } from './pack.js'

/** A tensor's values, row-major. */
export interface Values {
  readonly data: Float32Array | Float64Array | Int32Array | BigInt64Array
  readonly shape: readonly number[]
}

export type Feeds = Record<string, Values>

const list = (data: Int32Array | BigInt64Array, ...inner: number[]): Values => ({
  data,
  shape: [data.length / inner.reduce((product, size) => product * size, 1), ...inner]
})
const scalar = (value: number): Values => ({ data: BigInt64Array.of(BigInt(value)), shape: [] })

/** @param exact ids of tokens that are kept apart; null for a graph that does not read `quantized` */
export function cascadeFeeds(packed: PackedBatch, exact: ReadonlySet<number> | null): Feeds {
  const inputs = cascadeInputs(packed, exact)
  return {
    token_ids: list(inputs.tokenIds),
    wanted: list(inputs.wanted),
    positions: list(inputs.positions),
    rows: list(inputs.rows, inputs.rowLength),
    blocks: list(inputs.blocks, 2),
    slots: list(inputs.slots),
    wanted_rows: list(inputs.wantedRows, 2),
    chunks: scalar(inputs.chunks),
    ...(exact && { quantized: scalar(inputs.quantized) })
  }
}

export function rowFeeds(packed: PackedBatch): Feeds {
  const { rows, rowLength, rowLengths, slots } = rowInputs(packed)
  return {
    token_ids: list(packed.tokenIds),
    wanted: list(packed.wanted),
    rows: list(rows, rowLength),
    row_lengths: list(rowLengths),
    slots: list(slots)
  }
}
