/** Bundles of precision int8: a conversation's numbers are its own, bit for bit. */
import fc from 'fast-check'
import t from 'tap'
import { selfTest } from '../../src/bundle/self-test.js'
import type { EngineSequence } from '../../src/engine/contract.js'
import { readManifest, tinyBundle } from '../support/bundles.js'
import { type CheckpointName, CHECKPOINTS, expectedCases, worstDifference } from '../support/checkpoints.js'
import { engineOver, rowOf, sequence } from '../support/engines.js'

const EXACT = [3, 5, 7, 11]

/** Sequences of few ids, which share beginnings of many lengths; exact tokens stand anywhere, or are all, or none. */
const anySequence: fc.Arbitrary<EngineSequence> = fc
  .record({
    start: fc.nat(3),
    length: fc.integer({ min: 0, max: 70 }),
    tail: fc.array(fc.oneof(fc.integer({ min: 0, max: 15 }), fc.constantFrom(...EXACT)), {
      minLength: 1,
      maxLength: 6
    }),
    only: fc.constantFrom('all', 'all', 'exact', 'rounded'),
    gate: fc.nat()
  })
  .map(({ start, length, tail, only, gate }) => {
    const pool = Array.from({ length: 16 }, (_, id) => id).filter(
      (id) => only === 'all' || EXACT.includes(id) === (only === 'exact')
    )
    const ids = [...Array.from({ length }, (_, i) => i * 5 + start), ...tail].map((id) => pool[id % pool.length]!)
    return sequence(ids, gate % ids.length)
  })

const CASES: readonly (readonly [CheckpointName, readonly number[]])[] = [
  ['odd-heads-shards', []],
  ['odd-heads-shards', EXACT],
  ['biases', EXACT],
  ['head-dim-20', EXACT],
  ['tied-mha-fp16', EXACT]
]
for (const [name, exactTokens] of CASES) {
  t.test(`numbers are the same alone and in any batch: ${name}, ${exactTokens.length} exact tokens`, async (t) => {
    const folder = await tinyBundle(t, name, 'int8', { exactTokens })
    t.strictSame(readManifest(folder).backbone.exact_tokens, exactTokens.length > 0 ? exactTokens : undefined)
    const engine = engineOver(t, folder)
    await engine.load()
    const property = fc.asyncProperty(fc.array(anySequence, { minLength: 2, maxLength: 7 }), async (batch) => {
      const together = await engine.run(batch)
      for (const [index, each] of batch.entries()) {
        t.strictSame(rowOf(await engine.run([each]), 0), rowOf(together, index))
      }
    })
    await t.resolves(fc.assert(property, { numRuns: 12 }))
  })
}

t.test('a batch of more than one chunk gives the same as its conversations alone', async (t) => {
  const engine = engineOver(t, await tinyBundle(t, 'armorm-tiny', 'int8', { exactTokens: EXACT }))
  await engine.load()
  const batch = Array.from({ length: 9 }, (_, b) =>
    sequence(
      Array.from({ length: 120 }, (_, i) => (i * (b + 3)) % 500),
      60
    )
  )
  const together = await engine.run(batch)
  for (const [index, each] of batch.entries()) {
    t.strictSame(rowOf(await engine.run([each]), 0), rowOf(together, index))
  }
})

/** Share of the largest rating by which rounding may move one: matrices of a few dozen inputs average little out. */
const ROUNDED = 0.25

for (const name of CHECKPOINTS) {
  t.test(`int8 bundle of ${name} is near PyTorch's numbers, and passes its self-test`, async (t) => {
    const folder = await tinyBundle(t, name, 'int8', { exactTokens: EXACT })
    const engine = engineOver(t, folder)
    await engine.load()
    const cases = expectedCases(name)
    const outputs = await engine.run(cases.map((each) => sequence(each.input_ids, each.gate_index)))
    const largest = Math.max(...cases.flatMap(({ rewards }) => rewards.map(Math.abs)))
    const worst = Math.max(
      ...cases.map(({ rewards }, i) => {
        const scaled = rewards.map((value) => value / largest)
        return worstDifference(
          rowOf(outputs, i).ratings.map((value) => value / largest),
          scaled
        )
      })
    )
    t.ok(worst > 1e-4 && worst < ROUNDED, `${worst}`)
    t.ok((await selfTest(readManifest(folder), engine)) > 0)
  })
}
