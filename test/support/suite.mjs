/** What the suites share that run beside `npm test`: their counts, and a server of their own. */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const total = { passed: 0, failed: 0, skipped: 0 }

/** One line a part of the suite. @param counts - of its tests; @param remark - why it was skipped, or what it printed. */
export function tell(name, counts, remark) {
  for (const key of Object.keys(total)) total[key] += counts[key]
  const word = counts.failed > 0 ? 'not ok' : counts.passed > 0 ? 'ok' : 'skip'
  if (counts.failed > 0 && remark) console.log(remark)
  console.log(`${word} - ${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  if (word === 'skip') console.log(`skipped: ${name}: ${remark}`)
}

export const skip = (name, why) => tell(name, { passed: 0, failed: 0, skipped: 1 }, why)

/** One test: passes unless it throws. */
export async function check(name, test) {
  try {
    await test()
    tell(name, { passed: 1, failed: 0, skipped: 0 })
  } catch (error) {
    tell(name, { passed: 0, failed: 1, skipped: 0 }, error.stack)
  }
}

/** Runs the suite, and ends with the line that .ci/run reads. */
export async function suite(name, main) {
  try {
    await main()
  } catch (error) {
    tell(name, { passed: 0, failed: 1, skipped: 0 }, error.stack)
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  process.exitCode = total.failed > 0 ? 1 : 0
}

/**
 * Fills a folder that git ignores, once for each state of the steps and of the lists that say what belongs there.
 * @param steps - commands, the program first
 * @returns why it could not be filled; null when it is
 */
export function provide(folder, lists, steps) {
  const stamp = join(folder, '.complete')
  const wanted = createHash('sha256')
  for (const list of lists) wanted.update(readFileSync(list))
  wanted.update(JSON.stringify(steps))
  const digest = wanted.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return null
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [command, ...args] of steps) {
    const { status, stderr } = spawnSync(command, args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe']
    })
    if (status !== 0) {
      const reason = stderr?.trim().split('\n').at(-1) ?? 'it cannot be started'
      return `${command} ${args.slice(0, 3).join(' ')} ...: ${reason}`
    }
  }
  writeFileSync(stamp, digest)
  return null
}

/** A virtual environment with the packages of a list. @returns why there is none; null when there is */
export function pythonEnvironment(venv, list) {
  const pip = [join(venv, 'bin', 'python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  return provide(
    venv,
    [list],
    [
      ['python3', '-m', 'venv', venv],
      [...pip, '-r', list]
    ]
  )
}

/** Compiles the server where that is needed. @param options - of scripts/setup.mjs */
export function build(...options) {
  const setup = join(root, 'scripts', 'setup.mjs')
  const built = spawnSync(process.execPath, [setup, ...options], { stdio: 'inherit' })
  if (built.status !== 0) throw new Error('the server does not compile')
}

/** A port of the loopback that nobody listens on now. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/**
 * Debian's packages, unpacked into a folder that git ignores: nothing is installed, and no root is needed.
 * @param more - commands to run in the folder after that
 * @returns why there are none; null when they are there
 */
export function debianPackages(folder, names, more = []) {
  const apt = ['-o', 'Dir::State::Lists=lists', '-o', 'Dir::Cache=.', '-o', 'APT::Sandbox::User=']
  return provide(
    folder,
    [],
    [
      ['mkdir', '-p', 'lists/partial', 'archives/partial'],
      ['apt-get', '-qq', ...apt, 'update'],
      ['apt-get', '-qq', ...apt, 'download', ...names],
      ['sh', '-c', 'for package in *.deb; do dpkg -x "$package" . || exit 1; done; rm -r lists archives *.deb'],
      ...more
    ]
  )
}

/** The environment without options that whoever runs the suite may have set for servers of their own. */
export function ownEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ARMORM_')))
}

/** `armorm serve` with the built-in model on a free port. @param options - more of its options */
export const startServer = (...options) => startProgram(join(root, 'build', 'src', 'cli', 'main.js'), options)

/**
 * A program of ours that serves. @param options - more of its options @param variables - more of its environment
 * @returns `kill` sends a signal and settles with the exit code, null where the signal ended it
 */
export async function startProgram(program, options, variables = {}) {
  const child = spawn(process.execPath, [program, 'serve', '--port', '0', ...options], {
    env: { ...ownEnvironment(), ...variables },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /listening at (http:\/\/[^"]+)/.exec(line)
    if (!found) continue
    child.stdout.resume()
    const alive = () => child.exitCode === null && child.signalCode === null
    const kill = (signal) => new Promise((resolve) => child.once('close', resolve).kill(signal))
    return { origin: found[1], alive, kill, stop: () => kill('SIGTERM') }
  }
  throw new Error('armorm serve ended before it listened')
}
