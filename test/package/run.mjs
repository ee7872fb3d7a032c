// `npm run test:package`: what `npm pack` makes is whole and holds nothing else, and works in an empty folder as
// `npx armorm-server`. Needs a package index.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build, check, root, skip, startServer, suite } from '../support/suite.mjs'

/** Of a package that is taken and kept by every user; the built-in model is 50 MB of it. */
const MOST_BYTES = 60e6
/** Where what is packed may lie; everything else is a mistake. */
const PARTS = [
  /^build\/src\/.+\.js$/,
  /^build\/src\/.+\.d\.ts$/,
  /^models\/(default\/[\w.-]+|calibration\.jsonl)$/,
  /^openapi\/openapi\.json$/,
  /^src\/export\/onnx\/onnx\.proto$/,
  /^src\/train\/assemble\/modeling_custom\.py$/,
  /^docs\/[\w.-]+$/,
  /^(README|CHANGELOG|SECURITY)\.md$/,
  /^(LICENSE|NOTICE|package\.json)$/
]

function npm(folder, ...args) {
  const run = spawnSync('npm', [...args, '--loglevel=error'], { cwd: folder, encoding: 'utf8', timeout: 300_000 })
  if (run.status !== 0) throw new Error(`npm ${args[0]}: ${run.stderr}`)
  return run.stdout
}

async function score(origin) {
  const inputs = [{ prompt: 'What is two and two?', response: 'Four.' }]
  const reply = await fetch(`${origin}/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs })
  })
  assert.equal(reply.status, 200)
  const { results } = await reply.json()
  return results[0].score
}

/** The installed package's own program, found as npx finds it. */
async function serveInstalled(folder) {
  const child = spawn('npx', ['--no-install', 'armorm-server', 'serve', '--port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /listening at (http:\/\/[^"]+)/.exec(line)
    if (!found) continue
    child.stdout.resume()
    // npx passes no signal on: the whole group is told.
    const stop = () => new Promise((resolve) => child.once('close', resolve) && process.kill(-child.pid, 'SIGTERM'))
    return { origin: found[1], stop }
  }
  throw new Error('the installed program ended before it listened')
}

async function main() {
  build()
  const folder = mkdtempSync(join(tmpdir(), 'armorm-package-'))
  try {
    const [{ filename, size, files }] = JSON.parse(npm(root, 'pack', '--json', '--pack-destination', folder))
    const paths = files.map(({ path }) => path)
    await check('the package holds what it should, and nothing else', () => {
      const strange = paths.filter((path) => !PARTS.some((part) => part.test(path)))
      assert.deepEqual(strange, [])
      // What was compiled from a file that is gone: `rm -r build` before a release.
      const sourceOf = (path) => join(root, path.replace('build/', '').replace(/(\.d\.ts|\.js)$/, '.ts'))
      const stale = paths.filter((path) => path.startsWith('build/') && !existsSync(sourceOf(path)))
      assert.deepEqual(stale, [])
      for (const name of readdirSync(join(root, 'models', 'default'))) {
        assert.ok(paths.includes(`models/default/${name}`), name)
      }
      assert.ok(size < MOST_BYTES, `${size} bytes`)
    })
    const empty = join(folder, 'user')
    spawnSync('mkdir', [empty])
    try {
      npm(empty, 'init', '--yes')
      npm(empty, 'install', '--ignore-scripts', join(folder, filename))
    } catch (error) {
      return skip('the installed package', error.message.trim().split('\n').at(-1))
    }
    await check('npx armorm-server scores as the checkout does', async () => {
      const installed = await serveInstalled(empty)
      let given
      try {
        given = await score(installed.origin)
      } finally {
        await installed.stop()
      }
      const own = await startServer()
      try {
        assert.equal(given, await score(own.origin))
      } finally {
        await own.stop()
      }
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await suite('test:package', main)
