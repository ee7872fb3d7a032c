// `npm run test:clients`: the trainers' own client code, as it is published, drives a running server. Needs Python 3.11
// or newer, and, the first time, a package index. test/clients/README.md says how it works.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, provide, root, skip, startServer, suite, tell } from '../support/suite.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const venv = join(root, '.venv', 'clients')
const trainers = join(venv, 'trainers')

/** Runs the tests of one Python file. @param name - in place of the client that the file names. */
function runTests(python, file, env, name) {
  const { stdout, stderr } = spawnSync(python, [join(here, 'report.py'), file], {
    env: { ...process.env, ...env, PYTHONDONTWRITEBYTECODE: '1', HF_HUB_OFFLINE: '1', NO_PROXY: '127.0.0.1' },
    encoding: 'utf8',
    timeout: 120_000
  })
  try {
    const { client, version, ...counts } = JSON.parse(stdout)
    tell(name ?? (version ? `${client} ${version}` : client), counts, stderr)
  } catch {
    tell(file, { passed: 0, failed: 1, skipped: 0 }, `${stdout}${stderr}`)
  }
}

/** Why the virtual environment cannot be used; null when it has what the two lists name. */
function install() {
  const lists = ['requirements.txt', 'trainers.txt'].map((name) => join(here, name))
  const pip = [join(venv, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  // The trainers' wheels are Python alone, though some name one version of it; they go where no other package is.
  const pure =
    '--no-deps --only-binary=:all: --python-version=3.11 --implementation=cp --abi=cp311 --ignore-requires-python'.split(
      ' '
    )
  return provide(venv, lists, [
    ['python3', '-m', 'venv', venv],
    [...pip, '-r', lists[0]],
    [...pip, '--target', trainers, ...pure, '--platform=manylinux1_x86_64', '-r', lists[1]]
  ])
}

function pythonVersion() {
  const { stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.version_info[1])'], { encoding: 'utf8' })
  return Number(stdout ?? 0)
}

async function main() {
  const minor = pythonVersion()
  const own = join(root, 'clients', 'python')
  if (minor < 9) return skip('all clients', 'there is no python3 of version 3.9 or newer')
  runTests('python3', join(own, 'test_armorm_client.py'), { PYTHONPATH: own }, 'armorm_client alone')
  if (minor < 11) return skip("trainers' clients", `they need Python 3.11, and python3 is 3.${minor}`)
  const obstacle = install()
  if (obstacle !== null) return skip("trainers' clients", obstacle)
  build()
  const { origin, stop } = await startServer()
  try {
    const env = { SERVER: origin, PYTHONPATH: [trainers, own].join(':') }
    const files = readdirSync(here).filter((name) => /^test_\w+\.py$/.test(name))
    for (const name of files.sort()) runTests(join(venv, 'bin', 'python'), join(here, name), env)
  } finally {
    await stop()
  }
}

await suite('test:clients', main)
