// `npm run test:fuzz`: a running server with the built-in model gets what schemathesis makes of openapi.json, right and
// wrong requests to every route, and bytes that are no requests at all (raw-bytes.ts). With `-- --long`, for longer.
// schemathesis needs Python 3.10 or newer and, the first time, a package index; without, that half is skipped.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, pythonEnvironment, root, skip, startServer, suite, tell as tellCounts } from '../support/suite.mjs'

const here = dirname(fileURLToPath(import.meta.url))
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
  'negative_data_rejection',
  'unsupported_method'
]

const tell = (passed, name) => tellCounts(name, { passed: Number(passed), failed: Number(!passed), skipped: 0 })

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
  return code === 0 ? pythonEnvironment(venv, requirements) : 'there is no python3 of version 3.10 or newer'
}

async function rawBytes(origin) {
  const name = 'bytes that are no requests'
  const { code, output } = await run(process.execPath, [
    join(root, 'build', 'test', 'fuzz', 'raw-bytes.js'),
    origin,
    `${budget}`
  ])
  if (code !== 0) console.log(output)
  tell(code === 0, `${name}: ${output.trim().split('\n').at(-1)}`)
}

async function schemathesis(origin) {
  const name = 'schemathesis'
  const obstacle = await install()
  if (obstacle !== null) return skip(name, obstacle)
  const args = ['run', join(root, 'openapi', 'openapi.json'), '--url', origin, '--phases', 'examples,coverage,fuzzing']
  const more = ['--mode', 'all', '--checks', CHECKS.join(), '--max-time', `${budget}`, '--max-examples', '8']
  // It is not there without --admin-reload, and with it every case would load a model: its own tests hold it.
  const not = ['--exclude-path', '/admin/reload']
  // A request that is given three milliseconds is rightly answered 503: tests of deadlines hold what that header does.
  const time = ['--header', 'x-request-timeout-ms: 60000']
  const quiet = ['--no-color', '--warnings', 'off', '--continue-on-failure', '--max-failures', '20']
  const { code, output } = await run(join(venv, 'bin', 'st'), [...args, ...more, ...not, ...time, ...quiet], {
    ...process.env,
    NO_PROXY: '127.0.0.1'
  })
  if (code !== 0) console.log(output)
  const [, cases = 'no'] = /(\d+) generated/.exec(output) ?? []
  tell(code === 0, `${name}: ${cases} cases`)
}

async function main() {
  build('--tests')
  // Short conversations: this is about requests, not about the model. And half a request goes soon.
  const options = '--max-tokens 256 --headers-timeout 2000 --receive-timeout 4000'
  const server = await startServer(...options.split(' '))
  try {
    await rawBytes(server.origin)
    await schemathesis(server.origin)
    tell(server.alive(), 'the server is still up')
  } finally {
    await server.stop()
  }
}

await suite('test:fuzz', main)
