import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checksum, revisionOf } from '../../src/bundle/files.js'
import { loadBundle } from '../../src/bundle/load.js'
import type { Manifest } from '../../src/bundle/manifest.js'
import { editManifest, readManifest, redoChecksums, tinyBundle } from '../support/bundles.js'
import { DEFAULT_MODEL, ROOT } from '../support/paths.js'

/** A bundle broken in some way must be refused with this code and message. */
function refuses(
  name: string,
  damage: (folder: string, t: Test) => unknown,
  code: string,
  message: string | RegExp
): void {
  t.test(name, async (t) => {
    const folder = await tinyBundle(t, 'one-objective')
    await loadBundle(folder)
    await damage(folder, t)
    await t.rejects(loadBundle(folder), { name: 'ArmormError', code, message })
  })
}

/** A manifest broken in some way. */
function refusesManifest(name: string, edit: (manifest: Manifest) => unknown, message: string | RegExp): void {
  refuses(name, (folder) => editManifest(folder, edit), 'bundle_invalid', message)
}

t.test('a sound bundle', async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  t.strictSame(await loadBundle(folder), { folder, manifest: readManifest(folder) })
  writeFileSync(join(folder, 'README.md'), 'files that the manifest does not list are left alone')
  await t.resolves(loadBundle(folder))
})

t.test('the built-in bundle', async (t) => {
  const { manifest } = await loadBundle(DEFAULT_MODEL)
  t.ok(manifest.tokenizer)
  t.equal(manifest.objectives.length, 24)
})

t.test('the built-in bundle is as faithful to fp32 as it has to be', async (t) => {
  const { fidelity } = readManifest(DEFAULT_MODEL)
  const { sha256 } = await checksum(join(ROOT, 'bench/conversations.jsonl'))
  t.match(fidelity, { conversations: 252, groups: 28, data_sha256: sha256 })
  t.ok(fidelity && fidelity.spearman >= 0.985 && fidelity.flips <= 0.02 && fidelity.relative_error <= 0.03)
})

t.test('a fidelity that was measured belongs to the manifest, and not to the revision', async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  const { revision } = readManifest(folder).model
  const fidelity = {
    conversations: 16,
    groups: 2,
    spearman: 0.99,
    flips: 0.01,
    relative_error: 0.02,
    largest_difference: 1e-3,
    data_sha256: 'a'.repeat(64)
  }
  editManifest(folder, (manifest) => Object.assign(manifest, { fidelity }))
  const { manifest } = await loadBundle(folder)
  t.strictSame(manifest.fidelity, fidelity)
  t.equal(manifest.model.revision, revision)
  editManifest(folder, (manifest) => Object.assign(manifest, { fidelity: { ...fidelity, spearman: null } }))
  await t.rejects(loadBundle(folder), { code: 'bundle_invalid', message: /\/fidelity\/spearman must be number/ })
})

t.test('the revision follows all that decides a reward or its names, whatever the order of keys', async (t) => {
  const revision = revisionOf({ files: { x: 'aa', y: 'bb' }, gate: [1, 2] })
  t.match(revision, /^[0-9a-f]{16}$/)
  t.equal(revisionOf({ gate: [1, 2], files: { y: 'bb', x: 'aa' } }), revision)
  t.equal(revisionOf({ model: 'any', self_test: [], gate: [1, 2], files: { y: 'bb', x: 'aa' } }), revision)
  for (const other of [
    { files: { x: 'bb', y: 'aa' }, gate: [1, 2] },
    { files: { x: 'aa', z: 'bb' }, gate: [1, 2] },
    { files: { x: 'aa', y: 'bb' }, gate: [2, 1] },
    { files: { x: 'aa', y: 'bb' } }
  ]) {
    t.not(revisionOf(other), revision)
  }
})

refuses('no folder', (folder) => rmSync(folder, { recursive: true }), 'bundle_missing', /^no bundle\.json .*ENOENT/)

refuses('no manifest', (folder) => rmSync(join(folder, 'bundle.json')), 'bundle_missing', /^no bundle\.json .*ENOENT/)

refuses(
  'a file where the folder should be',
  (folder) => {
    rmSync(folder, { recursive: true })
    writeFileSync(folder, '')
  },
  'bundle_missing',
  /^no bundle\.json .*ENOTDIR/
)

for (const text of ['', 'backbone: yes', '{"format_version": 1']) {
  const damage = (folder: string) => writeFileSync(join(folder, 'bundle.json'), text)
  refuses(`a manifest that is not JSON: ${text}`, damage, 'bundle_invalid', 'bundle.json: not JSON')
}

for (const json of ['null', '[]', '"bundle"', '{}']) {
  const damage = (folder: string) => writeFileSync(join(folder, 'bundle.json'), json)
  refuses(`a manifest that is none: ${json}`, damage, 'bundle_invalid', /^bundle\.json: no format_version/)
}

refusesManifest(
  'another format version',
  (manifest) => ((manifest as { format_version: number }).format_version = 2),
  'bundle.json: format version 2; this server reads version 1'
)

for (const { name, edit, message } of [
  {
    name: 'a key that is missing',
    edit: (manifest: Manifest) => delete (manifest as Partial<Manifest>).max_tokens,
    message: /^bundle\.json: \/ .*max_tokens/
  },
  {
    name: 'a key that is unknown',
    edit: (manifest: Manifest) => Object.assign(manifest.backbone, { quantisation: 'none' }),
    message: 'bundle.json: /backbone/quantisation is not a known key'
  },
  {
    name: 'a value of another type',
    edit: (manifest: Manifest) => Object.assign(manifest.heads, { logit_scale: '1' }),
    message: /^bundle\.json: \/heads\/logit_scale must be number/
  },
  {
    name: 'a value that is not allowed',
    edit: (manifest: Manifest) => Object.assign(manifest.backbone, { precision: 'int4' }),
    message: /^bundle\.json: \/backbone\/precision must/
  },
  {
    name: 'no self-test',
    edit: (manifest: Manifest) => manifest.self_test.cases.splice(0),
    message: /^bundle\.json: \/self_test\/cases must/
  }
]) {
  refusesManifest(`against the schema: ${name}`, edit, message)
}

for (const file of ['backbone.onnx', 'backbone.onnx.data', 'heads.onnx']) {
  const path = (folder: string) => join(folder, file)
  refuses(`no ${file}`, (folder) => rmSync(path(folder)), 'bundle_missing', new RegExp(` has no ${file}$`))
  refuses(
    `${file} cut short`,
    (folder) => truncateSync(path(folder), 100),
    'bundle_checksum',
    new RegExp(`^${file} has 100 bytes, not the \\d+ that the manifest states$`)
  )
  refuses(
    `${file} with one bit flipped`,
    (folder) => {
      const bytes = readFileSync(path(folder))
      const last = bytes.length - 1
      bytes[last] = bytes[last]! ^ 1
      writeFileSync(path(folder), bytes)
    },
    'bundle_checksum',
    `${file} has another SHA-256 than the manifest states`
  )
  refusesManifest(
    `${file} not listed`,
    ({ files }) => {
      delete files[file]
    },
    `bundle.json: /files does not list ${file}`
  )
}

refuses(
  'a folder where a file should be',
  (folder) => {
    rmSync(join(folder, 'heads.onnx'))
    mkdirSync(join(folder, 'heads.onnx'))
  },
  'bundle_missing',
  / has no heads\.onnx$/
)

for (const name of ['../outside', '..', '.', 'sub/file', '/etc/passwd', 'a\\b', 'a\u0000b', '']) {
  refusesManifest(
    `the file name ${JSON.stringify(name)}`,
    ({ files }) => {
      files[name] = files['heads.onnx']!
    },
    `bundle.json: /files lists ${JSON.stringify(name)}, which is not a file name`
  )
}

t.test('a file that is a link is read through it', async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  writeFileSync(join(folder, 'elsewhere'), readFileSync(join(folder, 'heads.onnx')))
  rmSync(join(folder, 'heads.onnx'))
  symlinkSync('elsewhere', join(folder, 'heads.onnx'))
  await t.resolves(loadBundle(folder))
})

t.test('other contents with their own checksums are another revision', async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  const before = (await loadBundle(folder)).manifest.model.revision
  writeFileSync(join(folder, 'heads.onnx'), 'other heads')
  await redoChecksums(folder)
  t.not((await loadBundle(folder)).manifest.model.revision, before)
})

refusesManifest(
  'a revision that is not that of its contents',
  ({ model }) => (model.revision = '0123456789abcdef'),
  'bundle.json: /model/revision is not that of its contents: it was edited'
)

refuses(
  'a gate pattern changed by hand',
  (folder) => {
    const manifest = readManifest(folder)
    manifest.gate.pattern = [3, 4]
    writeFileSync(join(folder, 'bundle.json'), JSON.stringify(manifest))
  },
  'bundle_invalid',
  /revision is not that of its contents/
)

refusesManifest(
  'a tokenizer that is claimed, but not listed',
  (manifest) => (manifest.tokenizer = true),
  'bundle.json: /files does not list tokenizer.json'
)

for (const transform of [[], [[1, 0]], [[1], [1]], [[]]]) {
  refusesManifest(
    `a transform of another size: ${JSON.stringify(transform)}`,
    ({ heads }) => (heads.transform = transform),
    'bundle.json: /heads/transform is not 1 x 1, the number of objectives'
  )
}

refusesManifest(
  'an objective named twice',
  ({ objectives, heads }) => {
    objectives.push(objectives[0]!)
    heads.transform = [
      [1, 0],
      [0, 1]
    ]
  },
  `bundle.json: /objectives has the name "objective_0" twice`
)

for (const edit of [
  (manifest: Manifest) => manifest.self_test.cases[0]!.ratings.push(1),
  (manifest: Manifest) => manifest.self_test.cases[1]!.gating.pop(),
  (manifest: Manifest) => (manifest.self_test.cases[0]!.gate_index = 1000)
]) {
  refusesManifest('a self-test of other sizes', edit, 'bundle.json: /self_test/cases has sizes that do not agree')
}
