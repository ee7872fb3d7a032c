// `npm run test:readme`: runs every command of README.md, and of the pages that documents.ts names, as a newcomer would: in a
// copy of what git would hand out, without node_modules, in the order of the document, against the server that the
// document starts. What a document shows as output has to be what is printed (compare.ts says how exactly).
//
// Ports are replaced by free ones. A block that cannot be run here has a comment before it that says why,
// `<!-- not run: ... -->`; it counts as skipped, and what it names is checked.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { build, check, freePort, ownEnvironment, root, skip, suite } from '../support/suite.mjs'

/** A block that takes longer is stuck. */
const PATIENCE_MS = 600_000
const DEFAULT_PORT = '8080'
const SERVES = /^(?:npm start|node build\/src\/cli\/main\.js serve)\b.*$/m
const STAMP = join('node_modules', '.armorm-setup')

const works = (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0

/** Free ports that stand for those of the documents. */
const ports = new Map()
async function withFreePorts(text) {
  const pattern = /(127\.0\.0\.1:|--port )(\d+)/g
  for (const [, , port] of text.matchAll(pattern)) if (!ports.has(port)) ports.set(port, `${await freePort()}`)
  return text.replace(pattern, (_, before, port) => before + ports.get(port))
}

/** What git would hand out of the working tree. */
function copyTree(folder) {
  const listed = spawnSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  assert.equal(listed.status, 0, listed.stderr)
  for (const path of listed.stdout.split('\0')) {
    if (path === '' || !existsSync(join(root, path))) continue
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    cpSync(join(root, path), join(folder, path))
  }
}

class Reader {
  /** Servers that run, by the port that the document names. */
  servers = new Map()
  /** Whatever runs; each is the first of a group of processes. */
  running = new Set()

  constructor(folder) {
    this.folder = folder
  }

  shell(command) {
    const child = spawn('bash', ['-e', '-u', '-o', 'pipefail', '-c', command], {
      cwd: this.folder,
      env: { ...ownEnvironment(), ARMORM_PORT: ports.get(DEFAULT_PORT) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true
    })
    this.running.add(child)
    child.once('close', () => this.running.delete(child))
    child.stderr.setEncoding('utf8')
    child.told = ''
    child.stderr.on('data', (text) => (child.told = (child.told + text).slice(-4000)))
    return child
  }

  /** Runs a block to its end. @returns its stdout */
  async run(command) {
    const child = this.shell(command)
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), PATIENCE_MS)
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (printed += text))
    const code = await new Promise((resolve) => child.once('close', resolve))
    clearTimeout(timer)
    assert.equal(code, 0, `it ended with ${code}: ${printed}${child.told}`)
    return printed
  }

  /** Starts the server that the last line of a block names, in the place of one on the same port. */
  async serve(command, port) {
    await this.stop(port)
    const child = this.shell(command)
    let last = ''
    for await (const line of createInterface({ input: child.stdout })) {
      last = line
      if (!line.includes('listening at')) continue
      child.stdout.resume()
      this.servers.set(port, child)
      return
    }
    throw new Error(`it ended before it listened: ${last}\n${child.told}`)
  }

  /** At once, and with it all that this started. */
  end() {
    for (const { pid } of this.running) process.kill(-pid, 'SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  async stop(port) {
    const child = this.servers.get(port)
    if (!child) return
    this.servers.delete(port)
    await new Promise((resolve) => {
      child.once('close', resolve)
      process.kill(-child.pid, 'SIGTERM')
    })
  }
}

/** A first start fetches packages; where it cannot, those of this checkout serve, and that is told. */
async function serveFirst(reader, command, port) {
  try {
    await reader.serve(command, port)
  } catch (error) {
    if (existsSync(join(reader.folder, STAMP))) throw error
    const lines = error.message.trim().split('\n')
    const why = lines.find((line) => /^npm error (?!code|A complete)/.test(line)) ?? lines.at(-1)
    skip('packages fetched by the first start', why)
    rmSync(join(reader.folder, 'node_modules'), { recursive: true, force: true })
    symlinkSync(join(root, 'node_modules'), join(reader.folder, 'node_modules'))
    await reader.serve(command, port)
  }
}

/** What can be said of commands that are not run: the files that they name are there, and can be read. */
async function checkUnrun(command) {
  const { parse } = await import('yaml')
  for (const [, folder] of command.matchAll(/^kubectl apply -k (\S+)/gm)) {
    assert.ok(existsSync(join(root, folder, 'kustomization.yaml')), folder)
    if (!works('kubectl', 'version', '--client')) continue
    const { status, stderr } = spawnSync('kubectl', ['kustomize', folder], { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  }
  for (const [line, file] of command.matchAll(/^docker compose -f (\S+).*$/gm)) {
    const { services } = parse(readFileSync(join(root, file), 'utf8'), { merge: true })
    const profiles = Object.values(services).flatMap((service) => service.profiles ?? [])
    for (const [, profile] of line.matchAll(/--profile (\w+)/g)) assert.ok(profiles.includes(profile), profile)
  }
  for (const [, file] of command.matchAll(/^(?:node|python3) (\S+\.(?:mjs|py))/gm)) {
    assert.ok(existsSync(join(root, file)), file)
  }
}

async function readDocument(reader, path, { blocks, steps }, { difference }) {
  const took = new Map()
  for (const { command, output } of steps(blocks(readFileSync(join(root, path), 'utf8')))) {
    const [first] = command.text.split('\n')
    const name = `${path}:${command.line} ${first}`
    if (command.marks.notRun !== null) {
      await check(`${name} (what it names)`, () => checkUnrun(command.text))
      skip(name, command.marks.notRun)
      continue
    }
    if (/\bpython3\b/.test(command.text) && !works('python3', '--version')) {
      skip(name, 'there is no python3')
      continue
    }
    const start = performance.now()
    await check(name, async () => {
      const text = await withFreePorts(command.text)
      const [serves] = SERVES.exec(command.text) ?? []
      if (serves !== undefined) {
        return serveFirst(reader, text, /--port (\d+)/.exec(serves)?.[1] ?? DEFAULT_PORT)
      }
      const printed = await reader.run(text)
      const wrong = output ? difference(output, printed) : null
      assert.equal(wrong, null, `line ${output?.line}: ${wrong}`)
    })
    const seconds = (performance.now() - start) / 1000
    took.set(command.section, [...(took.get(command.section) ?? []), seconds.toFixed(1)])
  }
  for (const [section, seconds] of took) console.log(`# ${path}, ${section}: ${seconds.join(', ')} s`)
}

async function main() {
  build('--tests')
  const built = join(root, 'build', 'test', 'readme')
  const [parser, comparison, { RUN }] = await Promise.all(
    ['blocks', 'compare', 'documents'].map((name) => import(join(built, `${name}.js`)))
  )
  const folder = mkdtempSync(join(tmpdir(), 'armorm-readme-'))
  ports.set(DEFAULT_PORT, `${await freePort()}`)
  const reader = new Reader(folder)
  process.once('exit', () => reader.end())
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  try {
    copyTree(folder)
    const asked = process.argv.slice(2)
    // The README starts the server that all of them ask.
    for (const path of RUN.filter((each) => asked.length === 0 || each === 'README.md' || asked.includes(each))) {
      await readDocument(reader, path, parser, comparison)
      for (const port of [...reader.servers.keys()]) if (port !== DEFAULT_PORT) await reader.stop(port)
    }
  } finally {
    await reader.stop(DEFAULT_PORT)
  }
}

await suite('test:readme', main)
