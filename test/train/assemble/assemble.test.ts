import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checksum } from '../../../src/bundle/files.js'
import { loadBundle } from '../../../src/bundle/load.js'
import { selfTest } from '../../../src/bundle/self-test.js'
import { readConfig } from '../../../src/checkpoint/config.js'
import { SafetensorsReader } from '../../../src/checkpoint/safetensors.js'
import { exportBundle } from '../../../src/export/export-bundle.js'
import { exportHeads } from '../../../src/export/export-heads.js'
import { ReferenceModel } from '../../../src/reference/model.js'
import { type AssembleOptions, runAssemble } from '../../../src/train/assemble/assemble.js'
import { cell } from '../../../src/train/assemble/card.js'
import type { AssembleSettings } from '../../../src/train/assemble/settings.js'
import { tinyBundle } from '../../support/bundles.js'
import { checkpointFolder, worstDifference } from '../../support/checkpoints.js'
import { engineOver, rowOf, sequence } from '../../support/engines.js'
import { NO_PROC, partialProcess } from '../../support/partial-process.js'
import { ROOT } from '../../support/paths.js'
import { runArmorm } from '../../support/server.js'
import { writeJson } from '../../../src/train/work-files.js'
import { MADE, madeStage1, makeWork } from '../made-work.js'

const SETTINGS: AssembleSettings = { shard_gigabytes: 5 }
const QUIET = { line: () => undefined, progress: () => undefined }

const assemble = (work: string, settings: AssembleSettings, options: AssembleOptions) =>
  runAssemble(work, { assemble: settings }, QUIET, options)

const BACKBONE = checkpointFolder('llama3-rope')

async function assembled(t: Test, backbone = BACKBONE, settings = SETTINGS): Promise<string> {
  const work = await makeWork(join(t.testdir(), 'work'))
  const out = join(t.testdirName, 'model')
  await assemble(work, settings, { backbone, out })
  return out
}

async function answersAsExpected(t: Test, folder: string): Promise<void> {
  const model = await ReferenceModel.open(folder)
  t.teardown(() => model.close())
  for (const { input_ids: ids, gate_index: gate, ...expected } of MADE.cases) {
    const found = await model.forward(ids, gate)
    t.ok(worstDifference(found.ratings, expected.rewards) < 3e-5)
    t.ok(worstDifference(found.gating, expected.gating_output) < 3e-5)
    t.ok(worstDifference([found.score], [expected.score]) < 3e-5)
  }
}

t.test('a checkpoint of backbone and heads answers as PyTorch does', async (t) => {
  const out = await assembled(t)
  await answersAsExpected(t, out)
  t.strictSame(readdirSync(t.testdirName).sort(), ['model', 'work'], 'nothing is left beside it')
  t.strictSame(readdirSync(out).sort(), ['README.md', 'config.json', 'model.safetensors', 'modeling_custom.py'])
  t.match(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')), {
    architectures: ['LlamaForRewardModelWithGating'],
    auto_map: { AutoModelForSequenceClassification: 'modeling_custom.LlamaForRewardModelWithGating' },
    _name_or_path: 'model',
    num_objectives: 3,
    objective_names: MADE.objectives,
    verbosity_objective: 'verbosity',
    gating_temperature: 4,
    gating_hidden_dim: 12,
    gating_n_hidden: 2,
    gating_token_pattern: [2, 7, 3],
    id2label: { 0: 'LABEL_0' }
  })
  const [before, after] = [await SafetensorsReader.open(BACKBONE), await SafetensorsReader.open(out)]
  t.teardown(() => Promise.all([before.close(), after.close()]))
  for (const name of before.names().filter((each) => each.startsWith('model.'))) {
    t.strictSame(after.info(name), before.info(name), `${name} keeps its type`)
    t.strictSame(await after.readAll(name), await before.readAll(name))
  }
  t.equal(after.info('regression_layer.weight').dtype, 'F32')
})

t.test('armorm export takes it, whole and for its heads alone', async (t) => {
  // First, as it clears the test's folder.
  const bundle = await tinyBundle(t, 'llama3-rope', 'fp32', { gatePattern: [2, 7, 3] })
  const work = await makeWork(join(t.testdirName, 'work'))
  const checkpoint = join(t.testdirName, 'model')
  await assemble(work, SETTINGS, { backbone: BACKBONE, out: checkpoint })
  const whole = await exportBundle({ checkpoint, out: join(t.testdirName, 'whole'), precision: 'fp32' })
  t.strictSame(whole.gate, { pattern: [2, 7, 3], source: 'config' })
  const { manifest, backboneChecked } = await exportHeads({ checkpoint, bundle })
  t.ok(backboneChecked)
  t.strictSame(manifest.heads, whole.heads)
  const engine = engineOver(t, bundle)
  await engine.load()
  t.ok((await selfTest((await loadBundle(bundle)).manifest, engine)) < 1e-4)
  for (const { input_ids: ids, gate_index: gate, score } of MADE.cases) {
    const row = rowOf(await engine.run([sequence(ids, gate)]), 0)
    t.ok(Math.abs(row.score - score) < 1e-4)
  }
})

t.test('weights in several files, as transformers names them', async (t) => {
  const out = await assembled(t, BACKBONE, { shard_gigabytes: 2e-5 })
  const shards = readdirSync(out).filter((name) => name.endsWith('.safetensors'))
  t.ok(shards.length > 2)
  t.match(shards[0], /^model-00001-of-000\d\d\.safetensors$/)
  await answersAsExpected(t, out)
})

t.test('a bundle that stores its weights without loss is a backbone too', async (t) => {
  const bundle = await tinyBundle(t, 'armorm-tiny', 'fp32', { gatePattern: [2, 7, 3] })
  const { revision } = (await loadBundle(bundle)).manifest.model
  const model = { name: 'armorm-tiny', revision }
  const work = await makeWork(join(t.testdirName, 'work'), { stage1: { ...madeStage1(), model } })
  const out = join(t.testdirName, 'model')
  await assemble(work, SETTINGS, { backbone: bundle, out })
  const rebuilt = await exportBundle({ checkpoint: out, out: join(t.testdirName, 'again'), precision: 'fp32' })
  t.strictSame(
    rebuilt.files['backbone.onnx.data'],
    (await loadBundle(bundle)).manifest.files['backbone.onnx.data'],
    'the same weights, bit for bit'
  )

  await writeJson(join(work, 'stage1.json'), madeStage1())
  const other = { backbone: bundle, out: join(t.testdirName, 'other') }
  await t.rejects(assemble(work, SETTINGS, other), {
    code: 'invalid_work',
    message: /revision 0123456789abcdef; .* is /
  })
  const rounded = join(t.testdirName, 'rounded')
  await exportBundle({ checkpoint: out, out: rounded, precision: 'compact' })
  await t.rejects(assemble(work, SETTINGS, { ...other, backbone: rounded }), {
    code: 'unsupported_checkpoint',
    message: /stored rounded; name the checkpoint as --backbone/
  })
})

t.test('tokenizer, template, legal files and special tokens come along; other heads do not', async (t) => {
  const backbone = join(t.testdir(), 'backbone')
  cpSync(BACKBONE, backbone, { recursive: true })
  writeFileSync(join(backbone, 'NOTICE'), 'the notice')
  writeFileSync(join(backbone, 'chat_template.jinja'), 'the template')
  writeFileSync(join(backbone, 'optimizer.pt'), 'no part of a model')
  const json = join(backbone, 'config.json')
  const config = JSON.parse(readFileSync(json, 'utf8')) as Record<string, unknown>
  writeFileSync(
    json,
    JSON.stringify({
      ...config,
      architectures: ['LlamaForCausalLM'],
      num_labels: 5,
      num_objectives: 5,
      pad_token_id: 0
    })
  )
  const work = await makeWork(join(t.testdirName, 'work'))
  const out = join(t.testdirName, 'model')
  await assemble(work, SETTINGS, { backbone, out })
  t.equal(readFileSync(join(out, 'NOTICE'), 'utf8'), 'the notice')
  t.ok(readdirSync(out).includes('chat_template.jinja'))
  t.notOk(readdirSync(out).includes('optimizer.pt'))
  t.equal((await readConfig(out)).padTokenId, 0)
  await answersAsExpected(t, out)
})

t.test('the card has data, settings and results, and nothing of the machine', async (t) => {
  const out = await assembled(t, BACKBONE, { ...SETTINGS, name: 'a: b', licence: 'apache-2.0', base_model: 'x/y' })
  const card = readFileSync(join(out, 'README.md'), 'utf8')
  t.match(card, /^---\nlicense: "apache-2.0"\nbase_model: "x\/y"\n/)
  t.match(card, '# a: b\n')
  t.match(card, /\| is\\\|safe \| rated \| 399 \| 10 \|/)
  t.match(card, /\| uniform gating \| 61\.0 % \| 56\.0 % to 66\.0 % \| 60 \|/)
  t.match(card, /\| reference \| a\\\|b\.jsonl \| 3 \| `d{64}` \|/)
  t.match(card, '"temperature": 4')
  t.notMatch(card, 'somebody')
  t.notMatch(card, t.testdirName)
  t.equal(cell('a|b\n<i>'), 'a\\|b \\<i\\>')
  const bare = await makeWork(join(t.testdirName, 'bare'), { baselines: false, data: false })
  await assemble(bare, SETTINGS, { backbone: BACKBONE, out: join(t.testdirName, 'other') })
  t.notMatch(readFileSync(join(t.testdirName, 'other/README.md'), 'utf8'), /## Results|## Data|licence/)
})

t.test('what does not fit is refused by name, and nothing is written', async (t) => {
  const folder = t.testdir()
  const out = join(folder, 'model')
  const refused = async (what: string, change: (work: string) => void, expected: { code: string; message: RegExp }) => {
    const work = await makeWork(join(folder, 'work'))
    change(work)
    await t.rejects(assemble(work, SETTINGS, { backbone: BACKBONE, out }), expected, what)
    t.strictSame(readdirSync(folder), ['work'], what)
    rmSync(work, { recursive: true })
  }
  const without = (file: string) => (work: string) => rmSync(join(work, file))
  await refused('no stage 1', without('stage1.json'), { code: 'invalid_work', message: /armorm train stage1/ })
  await refused('no debiasing', without('debias.json'), { code: 'invalid_work', message: /armorm train debias/ })
  await refused('no stage 2', without('stage2.json'), { code: 'invalid_work', message: /armorm train stage2/ })
  await refused('no gate', without('gating.safetensors'), { code: 'invalid_work', message: /gating\.safetensors/ })
  const edit = (file: string, change: (json: Record<string, unknown>) => object) => (work: string) => {
    const json = JSON.parse(readFileSync(join(work, file), 'utf8')) as Record<string, unknown>
    writeFileSync(join(work, file), JSON.stringify(change(json)))
  }
  await refused(
    'a transform of another size',
    edit('debias.json', (json) => ({ ...json, transform: [[1]] })),
    {
      code: 'invalid_work',
      message: /transform is not 3 x 3/
    }
  )
  await refused(
    'another width',
    edit('stage1.json', (json) => ({ ...json, hidden: 16 })),
    { code: 'invalid_work', message: /do not fit/ }
  )
  const set = (file: string, more: object) => edit(file, (json) => ({ ...json, ...more }))
  const since = { code: 'invalid_work', message: /run armorm train (debias|stage2|baselines|stage1) again/ }
  await refused('a stage 1 that has run since', set('debias.json', { stage1: 'before' }), since)
  const from = { stage1: madeStage1().fingerprint, debias: 'before', preferences: '' }
  await refused('a debiasing that has run since', set('stage2.json', { made_from: from }), since)
  await refused('a gate that was trained since', set('baselines.json', { fingerprint: 'before' }), since)
  await refused('weights of another run', set('stage1.json', { weights_sha256: 'before' }), since)
  await refused('a gate of another run', set('stage2.json', { weights_sha256: 'before' }), since)
  const work = await makeWork(join(folder, 'work'))
  mkdirSync(out)
  writeFileSync(join(out, 'thesis.txt'), 'years of work')
  await t.rejects(assemble(work, SETTINGS, { backbone: BACKBONE, out }), { message: /exists and is not empty/ })
  t.strictSame(readdirSync(out), ['thesis.txt'])
  await t.rejects(assemble(work, SETTINGS, { backbone: join(folder, 'nothing'), out: join(folder, 'x') }), {
    code: 'unsupported_checkpoint'
  })
})

t.test('modeling_custom.py is the one that was held against PyTorch', async (t) => {
  const { sha256 } = await checksum(`${ROOT}src/train/assemble/modeling_custom.py`)
  t.equal(sha256, MADE.modeling_sha256, 'test/fixtures/train/assemble/make.py checks it and writes this down')
})

t.test('the command', async (t) => {
  const work = await makeWork(join(t.testdir(), 'work'))
  const out = join(t.testdirName, 'model')
  const args = ['train', 'assemble', '--work', work, '--backbone', BACKBONE, '--out', out]
  const { code, stdout, stderr } = await runArmorm(t, args)
  t.equal(code, 0, stderr)
  t.match(stdout, /model: 3 objectives, 0\.\d MB of weights/)
  const again = await runArmorm(t, args)
  t.equal(again.code, 1)
  t.match(again.stderr, /invalid_config: .*exists and is not empty/)
})

t.test('what a killed run left beside it goes', { skip: NO_PROC }, async (t) => {
  const work = await makeWork(join(t.testdir(), 'work'))
  const out = join(t.testdirName, 'model')
  const { kill } = await partialProcess(t, out)
  await kill()
  await assemble(work, SETTINGS, { backbone: BACKBONE, out })
  t.strictSame(readdirSync(t.testdirName).sort(), ['model', 'work'])
})

t.test('a checkpoint that may be replaced is there until the new one is whole', async (t) => {
  const out = await assembled(t)
  const work = join(t.testdirName, 'work')
  const replace = (backbone: string, onWhole: (folder: string) => Promise<void>) =>
    assemble(work, { ...SETTINGS, name: 'new' }, { backbone, out, mayReplace: async () => undefined, onWhole })
  const whole = async (folder: string) => t.ok(readdirSync(folder).includes('config.json'))
  const name = () =>
    (JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')) as Record<string, unknown>)['_name_or_path']

  await t.rejects(replace(join(t.testdirName, 'none'), async () => undefined))
  await t.rejects(
    replace(BACKBONE, () => Promise.reject(new Error('no room'))),
    /no room/
  )
  t.equal(name(), 'model')
  await replace(out, async (folder) => void (await whole(folder)))
  t.equal(name(), 'new', 'even of its own backbone')
  t.strictSame(readdirSync(t.testdirName).sort(), ['model', 'work'], 'nothing is left beside it')
})
