import t from 'tap'
import type { Manifest } from '../../src/bundle/manifest.js'
import { selfTest } from '../../src/bundle/self-test.js'
import type { Engine, EngineSequence, HeadOutputs } from '../../src/engine/contract.js'
import { readManifest, tinyBundle } from '../support/bundles.js'
import { engineOver } from '../support/engines.js'

type Values = { [Output in keyof HeadOutputs]: number[] }

/** An engine that answers the stored cases exactly, but for what `change` does to it. */
function answering(
  { self_test: { cases } }: Manifest,
  change: (outputs: Values) => unknown = () => undefined
): { engine: Engine; asked: (readonly EngineSequence[])[] } {
  const asked: (readonly EngineSequence[])[] = []
  const values: Values = {
    ratings: cases.flatMap(({ ratings }) => ratings),
    gating: cases.flatMap(({ gating }) => gating),
    adjusted: cases.flatMap(({ ratings }) => ratings),
    score: cases.map(({ score }) => score)
  }
  change(values)
  const float32 = Object.fromEntries(Object.entries(values).map(([name, list]) => [name, Float32Array.from(list)]))
  const engine: Engine = {
    load: async () => {},
    health: () => ({ state: 'ready', restarts: 0 }),
    capacity: () => null,
    close: async () => {},
    run: async (batch) => {
      asked.push(batch)
      return float32 as unknown as HeadOutputs
    }
  }
  return { engine, asked }
}

t.test('passes on the bundle it was made for, and says how close it came', async (t) => {
  const folder = await tinyBundle(t, 'odd-heads-shards')
  const engine = engineOver(t, folder)
  await engine.load()
  const manifest = readManifest(folder)
  const worst = await selfTest(manifest, engine)
  t.ok(worst <= manifest.self_test.tolerance / 10, `${worst}`)
  t.comment(`worst difference ${worst.toExponential(2)}`)
})

t.test("fails on another bundle's engine", async (t) => {
  const manifest = readManifest(await tinyBundle(t, 'odd-heads-shards'))
  const engine = engineOver(t, await tinyBundle(t, 'biases'))
  await engine.load()
  await t.rejects(selfTest(manifest, engine), { code: 'self_test_failed' })
})

t.test('asks for the stored cases in one batch', async (t) => {
  const manifest = readManifest(await tinyBundle(t, 'biases'))
  const { engine, asked } = answering(manifest)
  t.ok((await selfTest(manifest, engine)) < 1e-6)
  t.strictSame(asked, [
    manifest.self_test.cases.map((each) => ({ ids: Int32Array.from(each.input_ids), gateIndex: each.gate_index }))
  ])
})

t.test('a value that differs by more than the tolerance, or is none', async (t) => {
  const manifest = readManifest(await tinyBundle(t, 'biases'))
  const { tolerance, cases } = manifest.self_test
  const name = (k: number) => manifest.objectives[k]!.name
  const second = manifest.objectives.length
  const changes: [string, number, (outputs: Values, change: (value: number) => number) => unknown][] = [
    ['score', 1, ({ score }, change) => (score[1] = change(score[1]!))],
    [`rating of ${name(0)}`, 0, ({ ratings }, change) => (ratings[0] = change(ratings[0]!))],
    [`gating weight of ${name(1)}`, 1, ({ gating }, change) => (gating[second + 1] = change(gating[second + 1]!))]
  ]
  for (const [output, index, edit] of changes) {
    const size = { score: cases[1]!.score, [`rating of ${name(0)}`]: cases[0]!.ratings[0]! }[output] ?? 0
    const allowed = tolerance * Math.max(1, Math.abs(size))
    const slightly = answering(manifest, (outputs) => edit(outputs, (value) => value + 0.9 * allowed))
    await t.resolves(selfTest(manifest, slightly.engine), `${output}: within the tolerance`)
    for (const change of [(value: number) => value + 1.1 * allowed, () => NaN, () => Infinity, () => -Infinity]) {
      const { engine } = answering(manifest, (outputs) => edit(outputs, change))
      const error = { code: 'self_test_failed', details: { case: index, output } }
      await t.rejects(selfTest(manifest, engine), error, `${output}: ${change(0)}`)
    }
  }
})

t.test('an expected score that was changed', async (t) => {
  const folder = await tinyBundle(t, 'biases')
  const engine = engineOver(t, folder)
  await engine.load()
  const manifest = readManifest(folder)
  manifest.self_test.cases[1]!.score += 0.5
  await t.rejects(selfTest(manifest, engine), {
    code: 'self_test_failed',
    message: /^the self-test's case 1 gives score \S+, expected \S+ within 0\.001$/
  })
})

t.test('too few outputs', async (t) => {
  const manifest = readManifest(await tinyBundle(t, 'biases'))
  const { engine } = answering(manifest, ({ score }) => score.pop())
  await t.rejects(selfTest(manifest, engine), { code: 'self_test_failed', message: /gives score undefined/ })
})
