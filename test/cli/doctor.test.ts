import { rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { requireMemory } from '../../src/cli/loaded-model.js'
import { tinyBundle } from '../support/bundles.js'
import { runArmorm } from '../support/server.js'

interface Report {
  readonly checks: readonly { readonly name: string; readonly status: string; readonly found: string }[]
}

t.test('starts the engine on the bundle, and says what it takes; a bundle that fails is exit code 1', async (t) => {
  const folder = await tinyBundle(t, 'one-objective')
  const { code, stdout, stderr } = await runArmorm(t, ['doctor', '--model', folder, '--json'])
  t.equal(stderr, '')
  const { checks } = JSON.parse(stdout) as Report
  const of = (name: string) => checks.find((check) => check.name === name)
  t.match(of('bundle'), { status: 'ok', found: /revision [0-9a-f]{16}/ })
  t.match(of('self-test'), { status: 'ok' })
  t.match(of('node'), { status: 'ok', found: process.versions.node })
  if (process.platform === 'linux') t.match(of('speed'), { found: /tokens a second in batches of / })
  t.equal(code, checks.some(({ status }) => status === 'fail') ? 1 : 0)
  rmSync(join(folder, 'heads.onnx'))
  const broken = await runArmorm(t, ['doctor', '--model', folder, '--no-load'])
  t.equal(broken.code, 1)
  t.match(broken.stdout, /^fail {2}bundle: bundle_missing: .* has no heads\.onnx$/m)
})

t.test('a reload that finds no memory for a second model is refused', async (t) => {
  requireMemory(100, { available: 100 })
  requireMemory(100, null)
  t.throws(() => requireMemory(101, { available: 100 }), { code: 'not_enough_memory', details: { needed: 101 } })
})
