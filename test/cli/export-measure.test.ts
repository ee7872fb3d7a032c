import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checksum } from '../../src/bundle/files.js'
import { loadBundle } from '../../src/bundle/load.js'
import { exportBundle } from '../../src/export/export-bundle.js'
import { checkpointFolder, textCheckpoint } from '../support/checkpoints.js'
import { runArmorm, startArmorm } from '../support/server.js'
import { until } from '../support/until.js'

const COLOURS = ['Red', 'Blue.', 'A green one', 'Black, or white', 'xkcd', '', 'Pink\n\nor so', 'I cannot say.']
const GROUPS = [
  { prompt: 'Name a colour.', responses: COLOURS },
  { prompt: [{ role: 'user', content: 'And now?' }], responses: COLOURS.map((colour) => `${colour} ${colour}!`) }
]

/** A folder with a small checkpoint, which takes the built-in model's tokenizer, and a file of groups. */
function setUp(t: Test, lines: readonly unknown[] = GROUPS) {
  const folder = t.testdir()
  const checkpoint = textCheckpoint(join(folder, 'checkpoint'))
  const data = join(folder, 'data.jsonl')
  writeFileSync(data, lines.map((line) => JSON.stringify(line)).join('\n'))
  const out = join(folder, 'bundle')
  const args = ['export', checkpoint, '--out', out, '--precision', 'int8', '--measure', data]
  return { folder, checkpoint, data, out, args }
}

t.test('the fidelity to fp32 is in the manifest and printed; the fp32 bundle is gone', async (t) => {
  const { folder, checkpoint, data, out, args } = setUp(t)
  const { code, stdout, stderr } = await runArmorm(t, args)
  t.equal(code, 0, stderr)
  t.strictSame(readdirSync(folder).sort(), ['bundle', 'checkpoint', 'data.jsonl'])
  const { manifest } = await loadBundle(out)
  const { fidelity } = manifest
  t.match(fidelity, { conversations: 16, groups: 2, data_sha256: (await checksum(data)).sha256 })
  // Eight bits move these scores a little, and not much.
  t.ok(fidelity && fidelity.spearman > 0.8 && fidelity.flips < 0.2)
  t.ok(fidelity && fidelity.relative_error > 0 && fidelity.relative_error < 0.5)
  t.ok(fidelity && fidelity.largest_difference > 0)
  t.match(stdout, /^held against fp32: 16 conversations in 2 groups\nmean Spearman within groups +\d/m)
  t.match(stderr, /scoring with fp32[^]+scoring with int8[^]+100 %/)

  const plain = await exportBundle({ checkpoint, out: join(folder, 'plain'), precision: 'int8' })
  t.equal(plain.fidelity, undefined)
  t.equal(manifest.model.revision, plain.model.revision, 'the revision does not depend on it')
})

t.test('stopped while it measures: both bundles go', async (t) => {
  const many = Array.from({ length: 500 }, (_, i) => ({ ...GROUPS[0], prompt: `Name ${i} colours.` }))
  const { folder, args } = setUp(t, many)
  const { child, exit } = startArmorm(t, args)
  await until(() => {
    const partial = readdirSync(folder).find((name) => name.startsWith('bundle.partial-'))
    return partial !== undefined && readdirSync(join(folder, partial)).includes('fp32')
  })
  child.kill('SIGTERM')
  t.equal((await exit).code, 143)
  t.strictSame(readdirSync(folder).sort(), ['checkpoint', 'data.jsonl'])
})

t.test('answers that cannot be rated end the export, and nothing is left', async (t) => {
  const { folder, args } = setUp(t, [
    GROUPS[0],
    { prompt: [{ role: 'robot', content: 'PRIVATE' }], responses: COLOURS }
  ])
  const { code, stderr } = await runArmorm(t, args)
  t.equal(code, 1)
  t.match(stderr, /^armorm: invalid_data: .*data\.jsonl:2: invalid_conversation: /m)
  t.notMatch(stderr, /PRIVATE/)
  t.strictSame(readdirSync(folder).sort(), ['checkpoint', 'data.jsonl'])
})

t.test('what cannot be measured is refused before anything is written', async (t) => {
  const { folder, checkpoint, data, args } = setUp(t)
  const refuses = async (given: readonly string[], expected: RegExp) => {
    const { code, stdout, stderr } = await runArmorm(t, given)
    t.equal(code, 1)
    t.match(stderr, expected)
    t.notMatch(stdout + stderr, /%/, 'no work was done')
    t.strictSame(readdirSync(folder).sort(), ['checkpoint', 'data.jsonl'])
  }
  await refuses(
    args.map((arg) => (arg === 'int8' ? 'fp32' : arg)),
    /^armorm: invalid_config: --measure compares with fp32/m
  )
  await refuses(
    args.map((arg) => (arg === checkpoint ? checkpointFolder('one-objective') : arg)),
    /^armorm: invalid_config: --measure needs a tokenizer, and .*one-objective has no tokenizer\.json/m
  )
  await refuses(
    args.map((arg) => (arg === checkpoint ? join(folder, 'none') : arg)),
    /^armorm: unsupported_checkpoint: /m
  )
  await refuses([...args, '--measure', join(folder, 'none.jsonl')], /none\.jsonl cannot be read \(ENOENT\)/)
  writeFileSync(data, `${JSON.stringify(GROUPS[0])}\n{"prompt": "PRIVATE", "responses": [1]}`)
  await refuses(args, /^armorm: invalid_data: .*data\.jsonl:2 does not have the form(?!.*PRIVATE)/m)
  writeFileSync(data, JSON.stringify({ prompt: 'Hi', responses: COLOURS.slice(1) }))
  await refuses(args, /^armorm: invalid_data: .*data\.jsonl has no line with 8 different answers/m)
})
