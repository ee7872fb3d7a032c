// `npm run test:fuzz`: a running server with the built-in model gets what schemathesis makes of openapi.json, right and
// wrong requests to every route, and bytes that are no requests at all (raw-bytes.ts). With `-- --long`, for longer.
// schemathesis needs Python 3.10 or newer and, the first time, a package index; without, that half is skipped.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(here))
const venv = join(root, '.venv', 'fuzz')
const requirements = join(here, 'requirements.txt')
/** Seconds for each half. */
const budget = process.argv.includes('--long') ? 900 : 75

/** What every reply is held against. That a request is refused for what it means is no failure. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method'
]

const total = { passed: 0, failed: 0, skipped: 0 }

function tell(word, name, remark) {
  total[word]++
  console.log(`${{ passed: 'ok', failed: 'not ok', skipped: 'skip' }[word]} - ${name}`)
  if (word === 'skipped') console.log(`skipped: ${name}: ${remark}`)
}

/** Runs a program to its end. @returns {Promise<{code: number | null, output: string}>} */
async function run(command, args, env = process.env) {
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const code = await new Promise((resolve) => child.once('close', resolve).once('error', () => resolve(null)))
  return { code, output }
}

/** Why schemathesis cannot be run; null when it can. */
async function install() {
  const { code } = await run('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))'])
  if (code !== 0) return 'there is no python3 of version 3.10 or newer'
  const stamp = join(venv, '.complete')
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return null
  rmSync(venv, { recursive: true, force: true })
  mkdirSync(dirname(venv), { recursive: true })
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]
  for (const [command, args] of [
    ['python3', ['-m', 'venv', venv]],
    [join(venv, 'bin', 'python'), pip]
  ]) {
    const { code, output } = await run(command, args)
    if (code !== 0) return `${command} ${args.slice(0, 3).join(' ')} ...: ${output.trim().split('\n').at(-1)}`
  }
  writeFileSync(stamp, digest)
  return null
}

/** `armorm serve` with the built-in model on a free port, and times that let half a request go soon. */
async function startServer() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ARMORM_')))
  const program = join(root, 'build', 'src', 'cli', 'main.js')
  // Short conversations: this is about requests, not about the model.
  const options = '--port 0 --max-tokens 256 --headers-timeout 2000 --receive-timeout 4000'
  const child = spawn(process.execPath, [program, 'serve', ...options.split(' ')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /listening at (http:\/\/[^"]+)/.exec(line)
    if (!found) continue
    child.stdout.resume()
    return {
      origin: found[1],
      alive: () => child.exitCode === null && child.signalCode === null,
      stop: () => (child.kill('SIGTERM'), ended)
    }
  }
  throw new Error('armorm serve ended before it listened')
}

async function rawBytes(origin) {
  const name = 'bytes that are no requests'
  const { code, output } = await run(process.execPath, [
    join(root, 'build', 'test', 'fuzz', 'raw-bytes.js'),
    origin,
    `${budget}`
  ])
  if (code !== 0) console.log(output)
  tell(code === 0 ? 'passed' : 'failed', `${name}: ${output.trim().split('\n').at(-1)}`)
}

async function schemathesis(origin) {
  const name = 'schemathesis'
  const obstacle = await install()
  if (obstacle !== null) return tell('skipped', name, obstacle)
  const args = ['run', join(root, 'openapi', 'openapi.json'), '--url', origin, '--phases', 'examples,coverage,fuzzing']
  const more = ['--mode', 'all', '--checks', CHECKS.join(), '--max-time', `${budget}`, '--max-examples', '8']
  const quiet = ['--no-color', '--warnings', 'off', '--continue-on-failure', '--max-failures', '20']
  const { code, output } = await run(join(venv, 'bin', 'st'), [...args, ...more, ...quiet], {
    ...process.env,
    NO_PROXY: '127.0.0.1'
  })
  if (code !== 0) console.log(output)
  const [, cases = 'no'] = /(\d+) generated/.exec(output) ?? []
  tell(code === 0 ? 'passed' : 'failed', `${name}: ${cases} cases`)
}

async function main() {
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'setup.mjs'), '--tests'], { stdio: 'inherit' })
  if (built.status !== 0) throw new Error('the server does not compile')
  const server = await startServer()
  try {
    await rawBytes(server.origin)
    await schemathesis(server.origin)
    tell(server.alive() ? 'passed' : 'failed', 'the server is still up')
  } finally {
    await server.stop()
  }
}

try {
  await main()
} catch (error) {
  console.log(error.stack)
  tell('failed', 'test:fuzz')
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 ? 1 : 0
