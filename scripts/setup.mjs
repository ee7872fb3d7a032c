// Makes a fresh clone runnable: installs the locked packages when they are missing or changed, and compiles: the
// program, or with --tests the tests, benchmarks and scripts besides. No install script runs and nothing for a GPU is
// downloaded.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', ORT_DISABLE_TELEMETRY: '1' }

function run(command, args) {
  // Progress goes to stderr: `npm start`'s stdout is the server's log.
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 2, 2] })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

const stamp = join(root, 'node_modules', '.armorm-setup')
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(process.version)
  .digest('hex')
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('installing packages ...')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, wanted)
}

mkdirSync(join(root, 'build'), { recursive: true })
console.error('compiling ...')
const project = process.argv.includes('--tests') ? 'tsconfig.json' : 'tsconfig.build.json'
run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, project)])
