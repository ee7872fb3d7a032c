// `npm test`: lint, format, then every test that scripts/setup.mjs has type-checked and compiled into build/test.
// Arguments are test files or folders, e.g. `npm test -- test/text`; then lint and format are left out.
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' }
const bin = (name) => join(root, 'node_modules', '.bin', name)

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

function testFiles(path) {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const child = join(path, entry.name)
    if (entry.isDirectory()) return testFiles(child)
    return entry.name.endsWith('.test.ts') ? [child] : []
  })
}

/** Where tsc puts a source file; compiled tests whose source is gone never run. */
const compiled = (source) => join('build', relative(root, source)).replace(/\.ts$/, '.js')

const asked = process.argv.slice(2)
if (asked.length === 0) {
  run(bin('eslint'), ['.'])
  run(bin('prettier'), ['--check', '--log-level=warn', '.'])
}
const files = (asked.length ? asked.map((path) => join(root, path)) : [join(root, 'test')]).flatMap(testFiles)
rmSync(join(root, '.tap'), { recursive: true, force: true })

/** Runs tap and prints a line a file; of a file that fails, everything but what passed. */
async function runTap() {
  const child = spawn(bin('tap'), ['run', '--reporter=tap', ...files.map(compiled)], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let details = []
  // tap's closing line: # { total: 12, pass: 10, fail: 1, skip: 1 }
  let counts = ''
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^(not )?ok /.test(line)) {
      if (line.startsWith('not ok')) console.log(details.filter((detail) => !/^\s+ok /.test(detail)).join('\n'))
      console.log(line)
      details = []
    } else if (line.startsWith('# {') || line.startsWith('# time')) {
      console.log(line)
      counts = line.startsWith('# {') ? line : counts
    } else {
      details.push(line)
    }
  }
  const count = (name) => new RegExp(`${name}: (\\d+)`).exec(counts)?.[1] ?? 0
  console.log(`${count('pass')} passed, ${count('fail')} failed, ${count('skip')} skipped`)
  // A run that a signal ended has no exit code, and has not passed.
  return child.exitCode ?? (await new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1))))
}

process.exitCode = await runTap()
