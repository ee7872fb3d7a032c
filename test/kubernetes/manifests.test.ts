/** What the manifests state of the server is so. */
import t from 'tap'
import { parse } from 'yaml'
import { prometheusRule } from '../../scripts/prometheus-rule.js'
import { optionSchema, variableOf, OPTION_NAMES } from '../../src/config/schema.js'
import { fakeServices } from '../http/helpers.js'
import { read } from '../support/documents.js'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}
interface PodSpec {
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number }
  readonly containers: readonly {
    readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
    readonly env: readonly { readonly name: string; readonly value: string }[]
    readonly startupProbe: Probe
    readonly readinessProbe: Probe
    readonly livenessProbe: Probe
    readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  }[]
}

const podOf = (file: string) => (parse(read(file)) as { spec: { template: { spec: PodSpec } } }).spec.template.spec
const base = podOf('kubernetes/base/deployment.yaml')
const gpu = podOf('kubernetes/overlays/gpu/deployment-patch.yaml')
const server = base.containers[0]!

t.test('the alert rules are those of docker/prometheus (npm run openapi writes them)', async (t) => {
  t.equal(read('kubernetes/components/monitoring/prometheus-rule.yaml'), prometheusRule())
})

t.test('probes ask for routes that there are, at the port where the server listens', async (t) => {
  const { paths } = JSON.parse(read('openapi/openapi.json')) as { paths: object }
  for (const probe of [server.startupProbe, server.readinessProbe, server.livenessProbe]) {
    t.ok(probe.httpGet.path in paths, probe.httpGet.path)
    t.equal(probe.httpGet.port, server.ports[0]?.name)
  }
  t.equal(server.ports[0]?.containerPort, Number(optionSchema('port').default))
})

t.test('pause and deadline fit into the grace period', async (t) => {
  const pause = server.lifecycle.preStop.sleep.seconds
  t.ok(pause + Number(optionSchema('shutdownDeadline').default) < base.terminationGracePeriodSeconds)
})

t.test('variables are options of the server', async (t) => {
  const known = OPTION_NAMES.map(variableOf)
  for (const { name } of [...server.env, ...gpu.containers[0]!.env]) t.ok(known.includes(name), name)
})

t.test('users are those of the images', async (t) => {
  for (const [file, { securityContext: user }] of [
    ['Dockerfile', base],
    ['docker/Dockerfile.cuda', gpu]
  ] as const) {
    t.match(
      read(file),
      `\nUSER ${user.runAsUser}:${user.runAsGroup}\n`,
      'a number: Kubernetes sees that it is not root'
    )
  }
})

t.test('autoscalers ask for metrics that there are', async (t) => {
  const { registry } = fakeServices().metrics
  for (const file of ['components/hpa/hpa.yaml', 'components/keda/scaled-object.yaml', 'README.md']) {
    const names = [...read(`kubernetes/${file}`).matchAll(/\barmorm_[a-z_]+/g)].map(([name]) => name)
    t.ok(names.length > 0, file)
    for (const name of names) t.ok(registry.getSingleMetric(name.replace(/_sum$/, '')), `${file}: ${name}`)
  }
})
