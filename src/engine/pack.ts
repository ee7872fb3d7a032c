/** A batch of sequences as packed tokens: each distinct beginning is one token, computed once. */
import type { EngineSequence } from './contract.js'

/** Queries that the form `cascade` attends from at once; the graph and the packing agree on it. */
export const CASCADE_BLOCK = 64

/** Tokens of one feed-forward chunk: of a small model what lies between its layers then fits a CPU's cache. */
const CHUNK_TOKENS = 512

export interface PackedBatch {
  /** `[T]` distinct tokens: sequences that begin with the same tokens share them. */
  readonly tokenIds: Int32Array
  /** `[T]` position of each packed token in its sequences. */
  readonly positions: BigInt64Array
  /** `[B]` rows, each the packed indices of a sequence's tokens. */
  readonly rows: readonly Int32Array[]
  /** `[B]` first position of each row that no earlier row has: from there on all its tokens are its own. */
  readonly ownFrom: Int32Array
  /** `[2 B]` packed indices: the last token of each row, then the gate position of each row. */
  readonly wanted: Int32Array
  /** `[2 B]` positions of `wanted` in their rows. */
  readonly wantedPositions: Int32Array
}

/**
 * Packs a batch. A token's hidden state depends on the tokens up to it alone, so equal prefixes are computed once: the
 * packed tokens are the nodes of a prefix tree over the rows.
 * @throws RangeError for an empty batch or sequence, or a gate position outside its sequence: kernels die of those
 */
export function packBatch(batch: readonly EngineSequence[]): PackedBatch {
  if (batch.length === 0) throw new RangeError('a batch needs at least one sequence')
  const total = batch.reduce((sum, { ids }) => sum + ids.length, 0)
  const tokenIds = new Int32Array(total)
  const positions = new BigInt64Array(total)
  const ownFrom = new Int32Array(batch.length)
  const wanted = new Int32Array(2 * batch.length)
  const wantedPositions = new Int32Array(2 * batch.length)
  /** Packed index of the token `id` after the packed token `parent` (-1: none), by the key of both. */
  const following = new Map<number, number>()
  let packed = 0

  const rows = batch.map(({ ids, gateIndex }, row) => {
    if (ids.length === 0) throw new RangeError(`sequence ${row} is empty`)
    if (!(Number.isInteger(gateIndex) && gateIndex >= 0 && gateIndex < ids.length)) {
      throw new RangeError(`sequence ${row}: gate position ${gateIndex} is outside its ${ids.length} tokens`)
    }
    const path = new Int32Array(ids.length)
    ownFrom[row] = ids.length
    let parent = -1
    for (let position = 0; position < ids.length; position++) {
      const id = ids[position]!
      const key = (parent + 1) * 2 ** 31 + id
      let index = following.get(key)
      if (index === undefined) {
        ownFrom[row] = Math.min(ownFrom[row], position)
        index = packed++
        following.set(key, index)
        tokenIds[index] = id
        positions[index] = BigInt(position)
      }
      path[position] = index
      parent = index
    }
    for (const [at, position] of [
      [row, ids.length - 1],
      [batch.length + row, gateIndex]
    ] as const) {
      wanted[at] = path[position]!
      wantedPositions[at] = position
    }
    return path
  })
  return {
    tokenIds: tokenIds.slice(0, packed),
    positions: positions.slice(0, packed),
    rows,
    ownFrom,
    wanted,
    wantedPositions
  }
}

/** Rows below one another, `[B * length]`; 0, a valid index, past the end of a row. */
function padded(rows: readonly Int32Array[], length: number): Int32Array {
  const all = new Int32Array(rows.length * length)
  rows.forEach((row, b) => all.set(row, b * length))
  return all
}

const longest = (rows: readonly Int32Array[]): number => rows.reduce((most, { length }) => Math.max(most, length), 0)

/** What the form `rows` reads besides the packed tokens. */
export interface RowInputs {
  /** `[B * rowLength]` packed index at each row's position; 0 past the end of a row. */
  readonly rows: Int32Array
  readonly rowLength: number
  /** `[B]` tokens of each row. */
  readonly rowLengths: Int32Array
  /** `[T]` flat row position (b * rowLength + position) at which each packed token's attention is taken back. */
  readonly slots: Int32Array
}

export function rowInputs({ rows, ownFrom, tokenIds }: PackedBatch): RowInputs {
  const rowLength = longest(rows)
  const slots = new Int32Array(tokenIds.length)
  rows.forEach((row, b) => {
    for (let position = ownFrom[b]!; position < row.length; position++) slots[row[position]!] = b * rowLength + position
  })
  return {
    rows: padded(rows, rowLength),
    rowLength,
    rowLengths: Int32Array.from(rows, ({ length }) => length),
    slots
  }
}

/** What the form `cascade` reads of a batch. */
export interface CascadeInputs {
  /**
   * `[T']` the packed tokens, those that are not exact first, and a few of id 0 that nobody reads: so many that `chunks`
   * divides those that are not exact, and one where there would be none of a kind.
   */
  readonly tokenIds: Int32Array
  /** `[T']` */
  readonly positions: BigInt64Array
  /** Tokens before the exact ones. */
  readonly quantized: number
  /** Equal parts of those, of CHUNK_TOKENS at most. */
  readonly chunks: number
  /** `[2 B]` indices of the wanted tokens, in this order. */
  readonly wanted: Int32Array
  /** `[B * rowLength]` index at each row's position; 0 past the end of a row. */
  readonly rows: Int32Array
  /** A multiple of CASCADE_BLOCK. */
  readonly rowLength: number
  /** `[N, 2]` row and end of each block of positions that holds tokens of the row's own. */
  readonly blocks: BigInt64Array
  /** `[T']` place (block * CASCADE_BLOCK + offset) of each token. */
  readonly slots: Int32Array
  /** `[2 B, 2]` row of each wanted token, and its position there plus one. */
  readonly wantedRows: BigInt64Array
}

/** @param exact ids of tokens that are kept apart at the end; null where the graph keeps none apart */
export function cascadeInputs(packed: PackedBatch, exact: ReadonlySet<number> | null = null): CascadeInputs {
  const { rows, ownFrom, wantedPositions } = packed
  const rowLength = Math.ceil(longest(rows) / CASCADE_BLOCK) * CASCADE_BLOCK
  const { order, quantized, chunks } = tokenOrder(packed, exact)
  const tokens = order.length
  /** Index in this order of each packed token. */
  const place = new Int32Array(packed.tokenIds.length)
  order.forEach((index, at) => {
    if (index >= 0) place[index] = at
  })
  const slots = new Int32Array(tokens)
  const blocks: bigint[] = []
  rows.forEach((row, b) => {
    const from = ownFrom[b]!
    // Blocks are counted from the row's start, so that a token's block never depends on what is shared.
    for (let start = from - (from % CASCADE_BLOCK); start < row.length && from < row.length; start += CASCADE_BLOCK) {
      const block = blocks.length / 2
      blocks.push(BigInt(b), BigInt(start + CASCADE_BLOCK))
      const end = Math.min(row.length, start + CASCADE_BLOCK)
      for (let position = Math.max(from, start); position < end; position++) {
        slots[place[row[position]!]!] = block * CASCADE_BLOCK + position - start
      }
    }
  })
  const wantedRows = [...wantedPositions].flatMap((position, i) => [BigInt(i % rows.length), BigInt(position + 1)])
  const placed = (indices: Int32Array): Int32Array => indices.map((index) => place[index]!)
  return {
    tokenIds: Int32Array.from(order, (index) => packed.tokenIds[index] ?? 0),
    positions: BigInt64Array.from(order, (index) => packed.positions[index] ?? 0n),
    quantized,
    chunks,
    wanted: placed(packed.wanted),
    rows: padded(rows.map(placed), rowLength),
    rowLength,
    blocks: BigInt64Array.from(blocks),
    slots,
    wantedRows: BigInt64Array.from(wantedRows)
  }
}

/** `order`: packed index at each place, -1 for a token that only fills up. */
function tokenOrder(
  { tokenIds }: PackedBatch,
  exact: ReadonlySet<number> | null
): { order: number[]; quantized: number; chunks: number } {
  const order: number[] = []
  const last: number[] = []
  tokenIds.forEach((id, index) => (exact?.has(id) ? last : order).push(index))
  const chunks = Math.max(1, Math.ceil(order.length / CHUNK_TOKENS))
  while (order.length === 0 || order.length % chunks !== 0) order.push(-1)
  const quantized = order.length
  if (exact && last.length === 0) last.push(-1)
  return { order: order.concat(last), quantized, chunks }
}
