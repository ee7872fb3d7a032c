// `npm run test:prometheus`: Prometheus itself checks the configuration and the rules of docker/prometheus, scrapes a
// running server with them, and answers every query of the Grafana dashboard. Needs prometheus and promtool: those on
// the PATH, else Debian's package, unpacked under .cache (nothing is installed).
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build, check, debianPackages, freePort, root, skip, startServer, suite } from '../support/suite.mjs'

const CONFIG = join(root, 'docker', 'prometheus')
const DASHBOARD = join(root, 'docker', 'grafana', 'dashboards', 'armorm.json')
/** As many rewards as a window needs before it has figures, and some more. */
const CONVERSATIONS = 120

const works = (program) => spawnSync(program, ['--version']).status === 0

/** Folder of the programs, '' when they are on the PATH; or why there are none. */
function programs() {
  if (works('prometheus') && works('promtool')) return { folder: '' }
  const cache = join(root, '.cache', 'prometheus')
  const folder = join(cache, 'usr', 'bin')
  const obstacle = debianPackages(cache, ['prometheus'])
  if (obstacle !== null) return { why: `no prometheus on the PATH, and Debian's cannot be had: ${obstacle}` }
  if (!works(join(folder, 'promtool'))) return { why: "Debian's promtool does not run on this machine" }
  return { folder }
}

function promtool(folder, ...args) {
  const { status, stdout, stderr } = spawnSync(join(folder, 'promtool'), args, { cwd: CONFIG, encoding: 'utf8' })
  assert.equal(status, 0, `promtool ${args.join(' ')}: ${stdout}${stderr}`)
}

/** Prometheus with the project's own configuration, but for where the server is and how often it looks. */
async function startPrometheus(folder, target) {
  const work = mkdtempSync(join(tmpdir(), 'armorm-prometheus-'))
  const config = readFileSync(join(CONFIG, 'prometheus.yml'), 'utf8')
  const own = config.replace('armorm:8080', target).replace(/(scrape|evaluation)_interval: \w+/g, '$1_interval: 1s')
  assert.notEqual(own, config)
  writeFileSync(join(work, 'prometheus.yml'), own)
  writeFileSync(join(work, 'rules.yml'), readFileSync(join(CONFIG, 'rules.yml')))
  const port = await freePort()
  const args = [`--config.file=${work}/prometheus.yml`, `--storage.tsdb.path=${work}/data`, '--log.level=error']
  const child = spawn(join(folder, 'prometheus'), [...args, `--web.listen-address=127.0.0.1:${port}`], {
    stdio: ['ignore', 'inherit', 'inherit']
  })
  const get = async (path, query) => {
    const reply = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(query)}`)
    const { status, data, error } = await reply.json()
    assert.equal(status, 'success', error)
    return data
  }
  const stop = async () => {
    await new Promise((resolve) => child.once('close', resolve).kill('SIGTERM'))
    rmSync(work, { recursive: true })
  }
  return { get, stop }
}

async function until(what, condition) {
  for (let i = 0; i < 120; i++) {
    if (await condition().catch(() => false)) return
    await sleep(500)
  }
  throw new Error(`${what}: not within a minute`)
}

async function score(origin, from, to) {
  const inputs = Array.from({ length: to - from }, (_, i) => ({
    prompt: `What is ${from + i} times ${from + i}?`,
    response: `It is ${(from + i) ** 2}.${' To be sure of it, count again.'.repeat((from + i) % 7)}`
  }))
  const reply = await fetch(`${origin}/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs })
  })
  assert.equal(reply.status, 200)
}

/** A query of the dashboard as Grafana sends it. */
const expand = (expr) => expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m')

async function main() {
  const { folder, why } = programs()
  if (why) return skip('Prometheus', why)
  await check('the configuration is valid', () => promtool(folder, 'check', 'config', 'prometheus.yml'))
  await check('every rule fires when it should, and not otherwise', () => {
    promtool(folder, 'test', 'rules', 'rules.test.yml')
    const named = (file) => readFileSync(join(CONFIG, file), 'utf8')
    for (const [, alert] of named('rules.yml').matchAll(/alert: (\w+)/g)) {
      assert.ok(named('rules.test.yml').includes(`name: ${alert}\n`), `${alert} has no case`)
    }
  })
  build()
  const server = await startServer()
  let serving = true
  const prometheus = await startPrometheus(folder, new URL(server.origin).host)
  const query = async (text) => (await prometheus.get('query', { query: text })).result
  try {
    await check('it scrapes a running server', async () => {
      await until('a scrape', async () => (await query('up{job="armorm"} == 1')).length > 0)
      // A rate needs two scrapes with a change between them.
      await score(server.origin, 0, CONVERSATIONS / 2)
      await sleep(2500)
      await score(server.origin, CONVERSATIONS / 2, CONVERSATIONS)
      await until('all conversations', async () => {
        const [{ value }] = await query('sum(armorm_samples_total)')
        return Number(value[1]) === CONVERSATIONS
      })
    })
    const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8'))
    for (const { title, targets = [] } of panels) {
      if (targets.length === 0) continue
      await check(`dashboard: ${title}`, async () => {
        for (const { expr } of targets) {
          const result = await query(expand(expr))
          assert.ok(result.length > 0, `no data: ${expr}`)
          assert.ok(
            result.every(({ value }) => Number.isFinite(Number(value[1]))),
            `not a number: ${expr}`
          )
        }
      })
    }
    await check('its rules are evaluated on it, and none fires', async () => {
      const { groups } = await prometheus.get('rules')
      const rules = groups.flatMap(({ rules }) => rules)
      assert.equal(rules.length, readFileSync(join(CONFIG, 'rules.yml'), 'utf8').match(/alert:/g).length)
      await until('the rules', async () => {
        const now = (await prometheus.get('rules')).groups.flatMap(({ rules }) => rules)
        return now.every(({ health }) => health === 'ok')
      })
      // The traffic here is one sum after another: scores unlike those of the reference are what it should have.
      assert.deepEqual(await query('ALERTS{alertname!~"ArmormVerbosity|ArmormScoreDrift"}'), [])
    })
    await check('a server that is gone is seen', async () => {
      await server.stop()
      serving = false
      await until('ArmormDown', async () => (await query('ALERTS{alertname="ArmormDown"}')).length > 0)
    })
  } finally {
    await prometheus.stop()
    if (serving) await server.stop()
  }
}

await suite('test:prometheus', main)
