import fc from 'fast-check'
import t from 'tap'
import type { EngineSequence } from '../../src/engine/contract.js'
import { cascadeInputs, CASCADE_BLOCK, packBatch, rowInputs } from '../../src/engine/pack.js'
import { sequence } from '../support/engines.js'

/** Few distinct ids, so that sequences often begin alike; and the ends of the range. */
const tokenId = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom(128255, 2 ** 31 - 1) }
)
const anySequence: fc.Arbitrary<EngineSequence> = fc
  .tuple(fc.array(tokenId, { minLength: 1, maxLength: 12 }), fc.nat())
  .map(([ids, gate]) => sequence(ids, gate % ids.length))
const anyBatch = fc.array(anySequence, { minLength: 1, maxLength: 8 })

/** All distinct beginnings of all sequences: what has to be computed, each once. */
function distinctPrefixes(batch: readonly EngineSequence[]): Set<string> {
  return new Set(batch.flatMap(({ ids }) => [...ids].map((_, last) => ids.slice(0, last + 1).join())))
}

t.test('every row reads back its own ids, and its positions', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { tokenIds, positions, rows } = packBatch(batch)
      return batch.every(
        ({ ids }, b) =>
          [...rows[b]!].map((index) => tokenIds[index]).join() === ids.join() &&
          [...rows[b]!].every((index, position) => positions[index] === BigInt(position))
      )
    })
  )
})

t.test('each distinct beginning is packed once, and never two different ones as one', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { tokenIds, rows } = packBatch(batch)
      const prefixes = distinctPrefixes(batch)
      if (tokenIds.length !== prefixes.size) return false
      // The packed index at a position stands for the whole beginning up to it.
      const prefixOf = new Map<number, string>()
      return batch.every(({ ids }, b) =>
        [...ids].every((_, position) => {
          const index = rows[b]![position]!
          const prefix = ids.slice(0, position + 1).join()
          const known = prefixOf.get(index) ?? prefix
          prefixOf.set(index, prefix)
          return known === prefix
        })
      )
    })
  )
})

t.test('from where a row is its own, no earlier row has its tokens; before, one has them all', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { rows, ownFrom } = packBatch(batch)
      const seen = new Set<number>()
      return rows.every((row, b) => {
        const right = [...row].every((index, position) => seen.has(index) === position < ownFrom[b]!)
        for (const index of row) seen.add(index)
        return right
      })
    })
  )
})

t.test('wanted are the last tokens, then the gate positions', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { wanted, wantedPositions, rows } = packBatch(batch)
      const positions = [...batch.map(({ ids }) => ids.length - 1), ...batch.map(({ gateIndex }) => gateIndex)]
      const indices = positions.map((position, i) => rows[i % batch.length]![position])
      return [...wanted].join() === indices.join() && [...wantedPositions].join() === positions.join()
    })
  )
})

t.test('rows: a slot is a position of its own token, inside a row', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const packed = packBatch(batch)
      const { slots, rows, rowLengths, rowLength } = rowInputs(packed)
      if (rowLength !== Math.max(...batch.map(({ ids }) => ids.length))) return false
      if (slots.length !== packed.tokenIds.length || rows.length !== batch.length * rowLength) return false
      if (rowLengths.join() !== batch.map(({ ids }) => ids.length).join()) return false
      return [...slots].every((slot, index) => {
        const [row, position] = [Math.floor(slot / rowLength), slot % rowLength]
        return position < rowLengths[row]! && rows[slot] === index
      })
    })
  )
})

/** Lengths around whole blocks, with beginnings of many lengths in common. */
const longBatch = fc.array(
  fc
    .record({
      family: fc.nat(2),
      common: fc.integer({ min: 0, max: 3 * CASCADE_BLOCK }),
      own: fc.integer({ min: 1, max: 2 * CASCADE_BLOCK + 1 }),
      seed: fc.nat(3)
    })
    .map(({ family, common, own, seed }) =>
      sequence([
        ...new Array<number>(common).fill(family),
        ...Array.from({ length: own }, (_, i) => 10 + seed + (i % 7))
      ])
    ),
  { minLength: 1, maxLength: 6 }
)

t.test(
  'cascade: every packed token has one place, in a block that ends after it, counted from the row start',
  async () => {
    fc.assert(
      fc.property(longBatch, (batch) => {
        const packed = packBatch(batch)
        const { rows, rowLength, blocks, slots } = cascadeInputs(packed)
        if (rowLength % CASCADE_BLOCK !== 0 || rows.length !== batch.length * rowLength) return false
        const places = new Set(slots.subarray(0, packed.tokenIds.length))
        if (places.size !== packed.tokenIds.length) return false
        return packed.tokenIds.every((_, index) => {
          const block = Math.floor(slots[index]! / CASCADE_BLOCK)
          const [row, end] = [Number(blocks[2 * block]), Number(blocks[2 * block + 1])]
          const position = end - CASCADE_BLOCK + (slots[index]! % CASCADE_BLOCK)
          return (
            end % CASCADE_BLOCK === 0 &&
            end <= rowLength &&
            position === Number(packed.positions[index]) &&
            rows[row * rowLength + position] === index
          )
        })
      })
    )
  }
)

t.test('cascade: no block without a token of its own, so that a shared prompt is attended from once', async () => {
  fc.assert(
    fc.property(longBatch, (batch) => {
      const packed = packBatch(batch)
      const { blocks, slots } = cascadeInputs(packed)
      const used = new Set(
        [...slots.subarray(0, packed.tokenIds.length)].map((slot) => Math.floor(slot / CASCADE_BLOCK))
      )
      return used.size === blocks.length / 2
    })
  )
})

t.test('cascade: tokens are filled up to whole chunks, with fewer than one token a chunk', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), (length) => {
      const packed = packBatch([sequence(Array.from({ length }, (_, i) => i))])
      const { tokenIds, positions, slots, chunks } = cascadeInputs(packed)
      const filled = tokenIds.length - length
      return (
        tokenIds.length % chunks === 0 &&
        tokenIds.length / chunks <= 512 &&
        filled < chunks &&
        positions.length === tokenIds.length &&
        slots.length === tokenIds.length &&
        tokenIds.subarray(0, length).join() === packed.tokenIds.join()
      )
    }),
    { numRuns: 30 }
  )
})

t.test('cascade: exact tokens stand at the end, nothing else changes', async () => {
  const exact = new Set([1, 12])
  fc.assert(
    fc.property(longBatch, (batch) => {
      const packed = packBatch(batch)
      const plain = cascadeInputs(packed)
      const apart = cascadeInputs(packed, exact)
      const { tokenIds, positions, quantized, chunks, wanted, rows, slots } = apart
      const inPlace = tokenIds.every(
        (id, at) => (at === tokenIds.length - 1 && id === 0) || exact.has(id) === at >= quantized
      )
      const sameRows = batch.every(({ ids }, b) =>
        [...ids].every((id, position) => {
          const at = rows[b * apart.rowLength + position]!
          const before = plain.rows[b * plain.rowLength + position]!
          return tokenIds[at] === id && positions[at] === BigInt(position) && slots[at] === plain.slots[before]
        })
      )
      const sameWanted = wanted.every((at, i) => tokenIds[at] === packed.tokenIds[packed.wanted[i]!])
      return inPlace && sameRows && sameWanted && quantized % chunks === 0 && quantized < tokenIds.length
    })
  )
})

t.test('cascade: a token of each kind, were there none in the batch', async (t) => {
  const none = cascadeInputs(packBatch([sequence([5, 6])]), new Set([1]))
  t.match(none, { tokenIds: Int32Array.of(5, 6, 0), quantized: 2, chunks: 1, wanted: Int32Array.of(1, 0) })
  const all = cascadeInputs(packBatch([sequence([1, 1])]), new Set([1]))
  t.match(all, { tokenIds: Int32Array.of(0, 1, 1), quantized: 1, chunks: 1, wanted: Int32Array.of(2, 1) })
})

t.test('two responses to one prompt, written out', async (t) => {
  const packed = packBatch([sequence([5, 6, 7], 1), sequence([5, 6, 8, 9], 1), sequence([6], 0)])
  t.strictSame(packed, {
    tokenIds: Int32Array.of(5, 6, 7, 8, 9, 6),
    positions: BigInt64Array.of(0n, 1n, 2n, 2n, 3n, 0n),
    rows: [Int32Array.of(0, 1, 2), Int32Array.of(0, 1, 3, 4), Int32Array.of(5)],
    ownFrom: Int32Array.of(0, 2, 0),
    wanted: Int32Array.of(2, 4, 5, 1, 1, 5),
    wantedPositions: Int32Array.of(2, 3, 0, 1, 1, 0)
  })
  t.strictSame(rowInputs(packed), {
    rows: Int32Array.of(0, 1, 2, 0, 0, 1, 3, 4, 5, 0, 0, 0),
    rowLength: 4,
    rowLengths: Int32Array.of(3, 4, 1),
    slots: Int32Array.of(0, 1, 2, 6, 7, 8)
  })
  const { rows, ...cascade } = cascadeInputs(packed)
  t.strictSame(cascade, {
    tokenIds: packed.tokenIds,
    positions: packed.positions,
    quantized: 6,
    chunks: 1,
    wanted: packed.wanted,
    rowLength: 64,
    blocks: BigInt64Array.of(0n, 64n, 1n, 64n, 2n, 64n),
    slots: Int32Array.of(0, 1, 2, 66, 67, 128),
    wantedRows: BigInt64Array.of(0n, 3n, 1n, 4n, 2n, 1n, 0n, 2n, 1n, 2n, 2n, 1n)
  })
  t.equal(rows.length, 3 * 64)
})

t.test('what kernels die of is refused', async (t) => {
  t.throws(() => packBatch([]), { name: 'RangeError', message: 'a batch needs at least one sequence' })
  t.throws(() => packBatch([sequence([1]), sequence([])]), { name: 'RangeError', message: 'sequence 1 is empty' })
  for (const gate of [-1, 2, 0.5, NaN]) {
    const message = `sequence 0: gate position ${gate} is outside its 2 tokens`
    t.throws(() => packBatch([sequence([1, 2], gate)]), { name: 'RangeError', message })
  }
})
