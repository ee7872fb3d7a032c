import fc from 'fast-check'
import t from 'tap'
import type { EngineSequence } from '../../src/engine/contract.js'
import { packBatch } from '../../src/engine/pack.js'
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

t.test('every row reads back its own ids, and the rest of it is 0', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { tokenIds, rows, rowLengths, rowLength } = packBatch(batch)
      if (rowLength !== Math.max(...batch.map(({ ids }) => ids.length))) return false
      if (rows.length !== batch.length * rowLength) return false
      for (const [b, { ids }] of batch.entries()) {
        const row = [...rows.subarray(b * rowLength, (b + 1) * rowLength)]
        const read = row.slice(0, rowLengths[b]).map((index) => Number(tokenIds[Number(index)]))
        if (read.join() !== ids.join()) return false
        if (row.slice(rowLengths[b]).some((index) => index !== 0n)) return false
      }
      return true
    })
  )
})

t.test('each distinct beginning is packed once, and never two different ones as one', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { tokenIds, rows, rowLength } = packBatch(batch)
      const prefixes = distinctPrefixes(batch)
      if (tokenIds.length !== prefixes.size) return false
      // The packed index at a position stands for the whole beginning up to it.
      const prefixOf = new Map<bigint, string>()
      return batch.every(({ ids }, b) =>
        [...ids].every((_, position) => {
          const index = rows[b * rowLength + position]!
          const prefix = ids.slice(0, position + 1).join()
          const known = prefixOf.get(index) ?? prefix
          prefixOf.set(index, prefix)
          return known === prefix
        })
      )
    })
  )
})

t.test('a slot is a position of its own token, inside a row', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { slots, rows, rowLengths, rowLength, tokenIds } = packBatch(batch)
      if (slots.length !== tokenIds.length) return false
      return [...slots].every((slot, index) => {
        const [row, position] = [Math.floor(Number(slot) / rowLength), Number(slot) % rowLength]
        return position < rowLengths[row]! && rows[Number(slot)] === BigInt(index)
      })
    })
  )
})

t.test('wanted are the last tokens, then the gate positions', async () => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const { wanted, rows, rowLength } = packBatch(batch)
      const at = (row: number, position: number) => rows[row * rowLength + position]
      const last = batch.map(({ ids }, row) => at(row, ids.length - 1))
      const gates = batch.map(({ gateIndex }, row) => at(row, gateIndex))
      return [...wanted].join() === [...last, ...gates].join()
    })
  )
})

t.test('two responses to one prompt, written out', async (t) => {
  const packed = packBatch([sequence([5, 6, 7], 1), sequence([5, 6, 8, 9], 1), sequence([6], 0)])
  t.strictSame(packed, {
    tokenIds: BigInt64Array.of(5n, 6n, 7n, 8n, 9n, 6n),
    rows: BigInt64Array.of(0n, 1n, 2n, 0n, 0n, 1n, 3n, 4n, 5n, 0n, 0n, 0n),
    rowLengths: Int32Array.of(3, 4, 1),
    rowLength: 4,
    slots: BigInt64Array.of(0n, 1n, 2n, 6n, 7n, 8n),
    wanted: BigInt64Array.of(2n, 4n, 5n, 1n, 1n, 5n)
  })
})

t.test('what kernels die of is refused', async (t) => {
  t.throws(() => packBatch([]), { name: 'RangeError', message: 'a batch needs at least one sequence' })
  t.throws(() => packBatch([sequence([1]), sequence([])]), { name: 'RangeError', message: 'sequence 1 is empty' })
  for (const gate of [-1, 2, 0.5, NaN]) {
    const message = `sequence 0: gate position ${gate} is outside its 2 tokens`
    t.throws(() => packBatch([sequence([1, 2], gate)]), { name: 'RangeError', message })
  }
})
