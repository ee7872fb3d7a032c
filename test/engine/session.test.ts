import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadBundle } from '../../src/bundle/load.js'
import type { EngineSequence } from '../../src/engine/contract.js'
import type { Precision } from '../../src/export/graph/linear.js'
import { redoChecksums, tinyBundle } from '../support/bundles.js'
import { type CheckpointName, CHECKPOINTS, expectedCases, worstDifference } from '../support/checkpoints.js'
import { cudaDevice, engineOver, type OutputRow, rowOf, sequence } from '../support/engines.js'

/** Largest allowed difference from PyTorch, absolute or relative. */
const PARITY = 1e-4
/** Largest allowed difference between a sequence alone and the same one among neighbours. */
const NEIGHBOURS = 1e-6

const OUTPUTS = ['ratings', 'gating', 'adjusted'] as const

for (const name of CHECKPOINTS) {
  t.test(`fp32 bundle of ${name} through the engine agrees with PyTorch`, async (t) => {
    const engine = engineOver(t, await tinyBundle(t, name))
    await engine.load()
    let worst = 0
    for (const [index, expected] of expectedCases(name).entries()) {
      const row = rowOf(await engine.run([sequence(expected.input_ids, expected.gate_index)]), 0)
      const differences = {
        ratings: worstDifference(row.ratings, expected.rewards),
        gating: worstDifference(row.gating, expected.gating_output),
        adjusted: worstDifference(row.adjusted, expected.rewards_adjusted),
        score: worstDifference([row.score], [expected.score])
      }
      for (const [output, difference] of Object.entries(differences)) {
        worst = Math.max(worst, difference)
        t.ok(difference <= PARITY, `case ${index}, ${output}: ${difference.toExponential(1)}`)
      }
    }
    t.comment(`${name}: worst difference ${worst.toExponential(2)}`)
  })
}

/** Half precision keeps 11 bits, and errors add up over the layers. */
const HALF_PARITY = 2e-2

t.test(
  "an fp16 bundle, made for CUDA, gives PyTorch's numbers on the CPU, as near as half precision can",
  async (t) => {
    for (const name of ['odd-heads-shards', 'head-dim-20', 'biases', 'llama3-rope'] as const) {
      const engine = engineOver(t, await tinyBundle(t, name, 'fp16'))
      await engine.load()
      const cases = expectedCases(name)
      const outputs = await engine.run(cases.map((each) => sequence(each.input_ids, each.gate_index)))
      let worst = 0
      for (const [index, expected] of cases.entries()) {
        const row = rowOf(outputs, index)
        worst = Math.max(
          worst,
          worstDifference(row.ratings, expected.rewards),
          worstDifference(row.gating, expected.gating_output),
          worstDifference([row.score], [expected.score])
        )
      }
      t.ok(worst <= HALF_PARITY, `${name}: ${worst.toExponential(1)}`)
      t.ok(worst > PARITY / 100, `${name} is not computed in single precision after all`)
      t.comment(`${name}, fp16: worst difference ${worst.toExponential(2)}`)
    }
  }
)

/** Sequences that share beginnings of many lengths, among others that share nothing. */
function relatedSequences(name: CheckpointName): fc.Arbitrary<EngineSequence> {
  const sources = expectedCases(name).map(({ input_ids: ids }) => ids.slice(0, 64))
  return fc
    .record({
      source: fc.constantFrom(...sources),
      length: fc.integer({ min: 1, max: 64 }),
      tail: fc.array(fc.integer({ min: 0, max: 15 }), { maxLength: 6 }),
      gate: fc.nat()
    })
    .map(({ source, length, tail, gate }) => {
      const ids = [...source.slice(0, length), ...tail]
      return sequence(ids, gate % ids.length)
    })
}

function rowDifference(actual: OutputRow, expected: OutputRow): number {
  const rows = OUTPUTS.map((output) => worstDifference(actual[output], expected[output]))
  return Math.max(...rows, worstDifference([actual.score], [expected.score]))
}

const NEIGHBOUR_CHECKS: readonly (readonly [CheckpointName, Precision])[] = [
  ['odd-heads-shards', 'fp32'],
  ['odd-heads-shards', 'compact'],
  ['odd-heads-shards', 'fp16'],
  ['llama3-rope', 'fp32']
]
for (const [name, precision] of NEIGHBOUR_CHECKS) {
  t.test(`numbers do not depend on neighbours: ${name}, ${precision}`, async (t) => {
    const engine = engineOver(t, await tinyBundle(t, name, precision))
    await engine.load()
    let worst = 0
    let shared = 0
    const batches = fc.array(relatedSequences(name), { minLength: 2, maxLength: 7 })
    const property = fc.asyncProperty(batches, async (batch) => {
      const together = await engine.run(batch)
      const differences: number[] = []
      for (const [index, each] of batch.entries()) {
        differences.push(rowDifference(rowOf(together, index), rowOf(await engine.run([each]), 0)))
      }
      worst = Math.max(worst, ...differences)
      if (new Set(batch.map(({ ids }) => ids[0])).size < batch.length) shared += 1
      return differences.every((difference) => difference <= NEIGHBOURS)
    })
    await t.resolves(fc.assert(property, { numRuns: 40 }))
    t.ok(shared > 0, 'some batches shared a beginning')
    t.comment(`${name}, ${precision}: worst difference ${worst.toExponential(2)}`)
  })
}

t.test('a provider that is not there is a clear refusal', { skip: cudaDevice }, async (t) => {
  const engine = engineOver(t, await tinyBundle(t, 'head-dim-20'), { provider: 'cuda' })
  await t.rejects(engine.load(), {
    code: 'provider_unavailable',
    message: /^the cuda execution provider (is not available|does not start)[^\n]+$/,
    details: { provider: 'cuda' }
  })
  t.equal(engine.health().state, 'failed')
})

t.test('a graph with other inputs and outputs is refused by name', async (t) => {
  const folder = await tinyBundle(t, 'head-dim-20')
  copyFileSync(join(folder, 'heads.onnx'), join(folder, 'backbone.onnx'))
  await redoChecksums(folder)
  await t.resolves(loadBundle(folder), 'its checksums are right')
  await t.rejects(engineOver(t, folder).load(), {
    code: 'bundle_graph',
    message:
      'backbone.onnx computes (response_states, prompt_states) -> (ratings, gating, adjusted, score), ' +
      'not (token_ids, wanted, positions, rows, blocks, slots, wanted_rows, chunks) -> (states) ' +
      'or (token_ids, wanted, positions, rows, blocks, slots, wanted_rows, chunks, quantized) -> (states) ' +
      'or (token_ids, wanted, rows, row_lengths, slots) -> (states)',
    details: { file: 'backbone.onnx' }
  })
})

t.test('a file that is no graph is refused by name', async (t) => {
  for (const file of ['backbone.onnx', 'heads.onnx']) {
    const folder = await tinyBundle(t, 'head-dim-20')
    for (const content of ['not a graph', '']) {
      writeFileSync(join(folder, file), content)
      const error = { code: 'bundle_graph', message: new RegExp(`^${file} `), details: { file } }
      await t.rejects(engineOver(t, folder).load(), error, `${file}: ${JSON.stringify(content)}`)
    }
  }
})

t.test('weights that are cut short are refused by name', async (t) => {
  const folder = await tinyBundle(t, 'head-dim-20')
  writeFileSync(join(folder, 'backbone.onnx.data'), Buffer.alloc(10))
  await t.rejects(engineOver(t, folder).load(), { code: 'bundle_graph', message: /^backbone\.onnx does not load: / })
})

t.test('what the graph cannot compute fails that work only', async (t) => {
  const engine = engineOver(t, await tinyBundle(t, 'head-dim-20'))
  await engine.load()
  const good = sequence([1, 2, 3], 1)
  const before = await engine.run([good])
  const outside = engine.run([sequence([1_000_000])])
  const badGate = engine.run([sequence([1, 2], 2)])
  const after = engine.run([good])
  await t.rejects(outside, { code: 'engine_failed', message: /it ran 2 times, at last alone$/ })
  await t.rejects(badGate, { code: 'engine_failed', message: /sequence 0: gate position 2 is outside its 2 tokens/ })
  t.strictSame(await after, before)
  t.equal(engine.health().restarts, 0)
})
