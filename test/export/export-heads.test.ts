import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checksum } from '../../src/bundle/files.js'
import { loadBundle } from '../../src/bundle/load.js'
import { selfTest } from '../../src/bundle/self-test.js'
import { exportBundle } from '../../src/export/export-bundle.js'
import { exportHeads } from '../../src/export/export-heads.js'
import { ReferenceModel } from '../../src/reference/model.js'
import { readManifest, tinyBundle } from '../support/bundles.js'
import { checkpointFolder } from '../support/checkpoints.js'
import { engineOver, rowOf, sequence } from '../support/engines.js'
import { floatsOf, float32, readSafetensorsFile, safetensorsFile, type StoredValues } from '../support/safetensors.js'
import { runArmorm } from '../support/server.js'

type Tensors = Record<string, StoredValues>

const negated = (tensor: StoredValues) =>
  float32(
    tensor.shape,
    floatsOf(tensor).map((value) => -value)
  )

/** A checkpoint with other heads than its fixture: the regression negated, the logit scale 3. */
const newHeads = (tensors: Tensors): Tensors => ({
  ...tensors,
  'regression_layer.weight': negated(tensors['regression_layer.weight']!),
  'gating.logit_scale': float32([1], [3])
})

/** A bundle of a fixture, and a changed copy of its checkpoint. */
async function setUp(
  t: Test,
  {
    edit = newHeads,
    config = {},
    precision = 'fp32'
  }: {
    edit?: (tensors: Tensors) => Tensors
    config?: Record<string, unknown>
    precision?: 'fp32' | 'compact'
  } = {}
) {
  const bundle = await tinyBundle(t, 'llama3-rope', precision)
  const checkpoint = join(t.testdirName, 'checkpoint')
  cpSync(checkpointFolder('llama3-rope'), checkpoint, { recursive: true })
  const [weights, json] = ['model.safetensors', 'config.json'].map((name) => join(checkpoint, name)) as [string, string]
  writeFileSync(weights, safetensorsFile(edit(readSafetensorsFile(readFileSync(weights)))))
  const before = JSON.parse(readFileSync(json, 'utf8')) as Record<string, unknown>
  // The bundle was made with a pattern of the test's own.
  writeFileSync(json, JSON.stringify({ ...before, gating_token_pattern: [1, 2], ...config }))
  return { bundle, checkpoint }
}

const onlyHeads = (tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(newHeads(tensors)).filter(([name]) => !name.startsWith('model.')))

const contents = (folder: string) =>
  Promise.all(readdirSync(folder).map(async (name) => [name, (await checksum(join(folder, name))).sha256] as const))

t.test('the heads of a bundle become those of the checkpoint, and nothing else changes', async (t) => {
  const { bundle, checkpoint } = await setUp(t)
  const before = new Map(await contents(bundle))
  writeFileSync(join(bundle, 'README.md'), 'the card')
  writeFileSync(join(bundle, 'reference.json'), 'of the old heads')
  const { manifest, backboneChecked, dropped } = await exportHeads({ checkpoint, bundle })
  t.ok(backboneChecked)
  t.strictSame(dropped, ['reference.json'])
  const after = new Map(await contents(bundle))
  t.strictSame([...after.keys()].sort(), [
    'README.md',
    'backbone.onnx',
    'backbone.onnx.data',
    'bundle.json',
    'heads.onnx'
  ])
  for (const name of ['backbone.onnx', 'backbone.onnx.data']) t.equal(after.get(name), before.get(name), name)

  // The revision covers checksums, objectives, transform, gate: it is that of a whole export.
  const whole = join(t.testdirName, 'whole')
  const options = { checkpoint, out: whole, precision: 'fp32' as const, gatePattern: [1, 2] }
  const exported = await exportBundle(options)
  t.equal(
    (await exportHeads({ checkpoint, bundle, gatePattern: [1, 2] })).manifest.model.revision,
    exported.model.revision
  )
  t.strictSame(readManifest(bundle).self_test, exported.self_test)
  t.strictSame({ ...manifest.gate, source: 'option' }, exported.gate)

  const engine = engineOver(t, bundle)
  await engine.load()
  t.ok((await selfTest((await loadBundle(bundle)).manifest, engine)) < 1e-4)
  const model = await ReferenceModel.open(checkpoint)
  t.teardown(() => model.close())
  const ids = [1, 4, 2, 7, 3, 9, 9]
  const expected = await model.forward(ids, 2)
  const found = rowOf(await engine.run([sequence(ids, 2)]), 0)
  t.ok(Math.abs(found.score - expected.score) < 1e-5)
})

t.test('the same heads leave revision, reference and fidelity as they are', async (t) => {
  const { bundle, checkpoint } = await setUp(t, { edit: (tensors) => tensors })
  writeFileSync(join(bundle, 'reference.json'), 'of these heads')
  const { revision } = readManifest(bundle).model
  const { manifest, dropped } = await exportHeads({ checkpoint, bundle })
  t.equal(manifest.model.revision, revision)
  t.strictSame(dropped, [])
  t.equal(readFileSync(join(bundle, 'reference.json'), 'utf8'), 'of these heads')
})

t.test('a folder with nothing but heads will do; what is expected comes from the states of the bundle', async (t) => {
  for (const precision of ['fp32', 'compact'] as const) {
    await t.test(precision, async (t) => {
      const { bundle, checkpoint } = await setUp(t, { edit: onlyHeads, precision })
      const keys = ['hidden_size', 'num_objectives', 'gating_temperature', 'gating_hidden_dim', 'gating_n_hidden']
      const config = JSON.parse(readFileSync(join(checkpoint, 'config.json'), 'utf8')) as Record<string, unknown>
      const kept = Object.fromEntries(['architectures', ...keys].map((key) => [key, config[key]]))
      writeFileSync(join(checkpoint, 'config.json'), JSON.stringify(kept))
      const old = readManifest(bundle)
      const { manifest, backboneChecked } = await exportHeads({ checkpoint, bundle })
      t.notOk(backboneChecked)
      t.strictSame(manifest.objectives, old.objectives, 'as many objectives keep their names')
      for (const [index, { ratings }] of manifest.self_test.cases.entries()) {
        const expected = old.self_test.cases[index]!.ratings
        const worst = Math.max(...ratings.map((rating, k) => Math.abs(rating + expected[k]!)))
        // rounding shows in the states, and these are what the new heads are computed on.
        t.ok(precision === 'fp32' ? worst < 1e-5 : worst > 1e-5 && worst < 0.5, `case ${index}: ${worst}`)
      }
      const engine = engineOver(t, bundle)
      await engine.load()
      t.ok((await selfTest((await loadBundle(bundle)).manifest, engine)) < 1e-4)
    })
  }
})

t.test('into another folder: the bundle stays, and they share no file', async (t) => {
  const { bundle, checkpoint } = await setUp(t)
  const before = await contents(bundle)
  const out = join(t.testdirName, 'other')
  await exportHeads({ checkpoint, bundle, out, name: 'other', licence: 'mit' })
  t.strictSame(await contents(bundle), before)
  const { manifest } = await loadBundle(out)
  t.match(manifest.model, { name: 'other', licence: 'mit' })
  writeFileSync(join(out, 'backbone.onnx.data'), 'edited')
  await loadBundle(bundle)
  await t.rejects(exportHeads({ checkpoint, bundle, out }), { code: 'invalid_config', message: /--replace/ })
  t.strictSame(readdirSync(t.testdirName).sort(), ['bundle', 'checkpoint', 'other'], 'nothing is left beside them')
})

t.test('heads that are not for this bundle are refused, and it stays as it was', async (t) => {
  const refused = async (
    what: string,
    change: Parameters<typeof setUp>[1],
    message: RegExp,
    options: { objectives?: string[] } = {}
  ) =>
    t.test(what, async (t) => {
      const { bundle, checkpoint } = await setUp(t, change)
      const before = await contents(bundle)
      await t.rejects(exportHeads({ checkpoint, bundle, ...options }), { message })
      t.strictSame(await contents(bundle), before)
      t.strictSame(readdirSync(t.testdirName).sort(), ['bundle', 'checkpoint'])
    })
  const otherNorm = (tensors: Tensors): Tensors => {
    const norm = tensors['model.norm.weight']!
    // Signs of bfloat16 values lie in their upper byte.
    return {
      ...tensors,
      'model.norm.weight': { ...norm, bytes: norm.bytes.map((byte, i) => (i % 4 === 1 ? byte ^ 128 : byte)) }
    }
  }
  await refused('another backbone', { edit: otherNorm }, /backbone is not the checkpoint's: .* differ by/)
  await refused(
    'another backbone, rounded',
    { edit: otherNorm, precision: 'compact' },
    /backbone is not the checkpoint's/
  )
  await refused('another width', { config: { hidden_size: 16 } }, /hidden_size 16 is not the bundle's/)
  await refused('more layers', { config: { num_hidden_layers: 3 } }, /num_hidden_layers|no tensor model\.layers/)
  await refused(
    'another gate',
    { config: { gating_token_pattern: [2, 1] } },
    /gating_token_pattern 2,1 .* 1,2; use --gate-pattern/
  )
  await refused(
    'a tensor that lacks',
    { edit: ({ reward_transform_matrix: _, ...rest }) => rest },
    /reward_transform_matrix/
  )
  const nan = (tensors: Tensors) => ({ ...tensors, 'gating.logit_scale': float32([1], [NaN]) })
  await refused('no number', { edit: nan }, /gating\.logit_scale holds NaN|not finite/)
})

t.test('the command line tells what it did, and refuses options of the backbone', async (t) => {
  const { bundle, checkpoint } = await setUp(t)
  writeFileSync(join(bundle, 'reference.json'), '{}')
  const { code, stdout, stderr } = await runArmorm(t, ['export', checkpoint, '--heads-only', bundle])
  t.equal(code, 0, stderr)
  t.match(stdout, /new heads on the backbone of .*\nits states are those of the checkpoint's backbone/)
  t.match(stderr, /measured with the old heads: reference\.json/)
  const refused = await runArmorm(t, ['export', checkpoint, '--heads-only', bundle, '--precision', 'fp32'])
  t.equal(refused.code, 1)
  t.match(refused.stderr, /invalid_config: --precision is about the backbone/)
  const lacking = await runArmorm(t, ['export', checkpoint])
  t.match(lacking.stderr, /invalid_config: --out is missing/)
})
