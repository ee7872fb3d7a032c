/** What keeps the server from starting: one clear line on stderr, exit code 1, and no port that was ever open. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { editManifest, redoChecksums, tinyBundle } from '../support/bundles.js'
import { cudaDevice } from '../support/engines.js'
import { runArmorm, startServer } from '../support/server.js'

async function refuses(t: Test, args: readonly string[], line: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runArmorm(t, ['serve', '--port', '0', ...args])
  t.equal(code, 1)
  t.match(stderr, /^[^\n]+\n$/, 'one line')
  t.match(stderr, line)
  t.notMatch(stdout, /listening/)
}

const BAD_BUNDLES: readonly (readonly [string, (folder: string) => unknown, RegExp])[] = [
  ['no folder', (folder) => rmSync(folder, { recursive: true }), /^armorm: bundle_missing: no bundle\.json .*ENOENT/],
  [
    'a file is missing',
    (folder) => rmSync(join(folder, 'heads.onnx')),
    /^armorm: bundle_missing: .* has no heads\.onnx/
  ],
  [
    'the manifest is not JSON',
    (folder) => writeFileSync(join(folder, 'bundle.json'), '{'),
    /^armorm: bundle_invalid: bundle\.json: not JSON/
  ],
  [
    'a checksum is wrong',
    (folder) => {
      const path = join(folder, 'backbone.onnx.data')
      const bytes = readFileSync(path)
      bytes[100] = bytes[100]! ^ 1
      writeFileSync(path, bytes)
    },
    /^armorm: bundle_checksum: backbone\.onnx\.data has another SHA-256/
  ],
  [
    'a graph is another one',
    (folder) => {
      copyFileSync(join(folder, 'heads.onnx'), join(folder, 'backbone.onnx'))
      return redoChecksums(folder)
    },
    /^armorm: bundle_graph: backbone\.onnx computes /
  ],
  [
    'a graph is none',
    (folder) => {
      writeFileSync(join(folder, 'heads.onnx'), 'not a graph')
      return redoChecksums(folder)
    },
    /^armorm: bundle_graph: heads\.onnx does not load: /
  ],
  [
    'the self-test fails',
    (folder) => editManifest(folder, ({ self_test: { cases } }) => (cases[0]!.score += 1)),
    /^armorm: self_test_failed: the self-test's case 0 gives score /
  ],
  [
    'the self-test has token ids that the model does not',
    (folder) => editManifest(folder, ({ self_test: { cases } }) => (cases[0]!.input_ids[0] = 1_000_000)),
    /^armorm: engine_failed: the engine failed on this conversation: /
  ]
]

for (const [name, damage, line] of BAD_BUNDLES) {
  t.test(`does not start when ${name}`, async (t) => {
    const folder = await tinyBundle(t, 'one-objective')
    await damage(folder)
    await refuses(t, ['--model', folder], line)
  })
}

t.test('does not start when the bundle is not for the provider', async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  const line = /^armorm: provider_unavailable: the bundle is exported for cpu, not for cuda/
  await refuses(t, ['--model', folder, '--provider', 'cuda'], line)
})

t.test('does not start when the provider is not there', { skip: cudaDevice }, async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  editManifest(folder, ({ backbone }) => backbone.providers.push('cuda'))
  const line = /^armorm: provider_unavailable: the cuda execution provider /
  await refuses(t, ['--model', folder, '--provider', 'cuda'], line)
})

t.test('does not start on a port that is taken', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const folder = await tinyBundle(t, 'one-objective')
  const line = new RegExp(`^armorm: invalid_config: cannot listen on .*${port} \\(EADDRINUSE\\)`)
  await refuses(t, ['--model', folder, '--port', `${port}`], line)
})

t.test('the same bundle, unharmed, starts, and scores token ids', async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  const server = await startServer(t, ['--model', folder])
  t.equal((await server.get('/readyz')).status, 200)
  const reply = await server.post('/score', { inputs: [{ input_ids: [5, 1, 2, 6, 7] }] })
  t.equal(reply.status, 200)
  t.match(reply.json(), { results: [{ ratings: { objective_0: Number } }] })
  const text = await server.post('/score', { inputs: [{ prompt: 'a', response: 'b' }] })
  t.match(text.json(), { error: { code: 'no_tokenizer' } })
})
