/** The real server: what it loads, and how it stops. */
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tinyBundle } from '../support/bundles.js'
import { startCollector } from '../support/collector.js'
import { ROOT } from '../support/paths.js'
import { childrenOf, startServer } from '../support/server.js'
import { until } from '../support/until.js'
import { named } from './support.js'

const folder = await tinyBundle(t, 'one-objective')
const work = { inputs: [{ input_ids: [5, 1, 2, 6, 7] }] }
const TELL_IMPORTS = ['--import', `${ROOT}test/tracing/tell-imports.mjs`]
/** prom-client requires the API, which does nothing by itself. */
const IMPORTS = /imports @opentelemetry\//
const skip = !existsSync('/proc/self/stat') && 'needs /proc to find the engine process'

t.test('without an endpoint nothing of it is loaded', async (t) => {
  const server = await startServer(t, ['--model', folder], TELL_IMPORTS)
  const reply = await server.post('/score', work)
  t.equal(reply.status, 200)
  process.kill(server.pid, 'SIGTERM')
  const { stderr, stdout } = await server.exit
  t.match(stderr, /imports prom-client/, 'imports are told')
  t.notMatch(stderr, IMPORTS)
  t.notMatch(stdout, /trace_id/)
})

t.test('with one, the last spans leave before it ends', async (t) => {
  const collector = await startCollector(t)
  const server = await startServer(t, ['--model', folder, '--otlp-endpoint', collector.origin], TELL_IMPORTS)
  t.equal((await server.post('/score', work)).status, 200)
  process.kill(server.pid, 'SIGTERM')
  const { code, stdout, stderr } = await server.exit
  t.equal(code, 0)
  t.match(stderr, IMPORTS)
  const spans = collector.spans()
  const [request] = named(spans, 'POST /score')
  t.match(stdout, `"trace_id":"${request?.traceId}"`)
  t.strictSame(
    spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId).map(({ name }) => name),
    ['tokenize', 'queue', 'run']
  )
})

t.test('a collector that hangs does not hold up the stop', async (t) => {
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '600000'
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '1'
  t.teardown(() => {
    delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT']
    delete process.env['OTEL_BSP_SCHEDULE_DELAY']
  })
  const collector = await startCollector(t, () => undefined)
  const server = await startServer(t, [
    ...['--model', folder, '--shutdown-deadline', '3600'],
    ...['--otlp-endpoint', collector.origin]
  ])
  t.equal((await server.post('/score', work)).status, 200)
  await until(() => collector.received.length > 0)
  process.kill(server.pid, 'SIGTERM')
  t.match(await server.exit, { code: 0, stderr: '' })
})

t.test('those of the requests that an engine failed for good are sent too', { skip }, async (t) => {
  // Nothing but the end sends spans.
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '600000'
  t.teardown(() => void delete process.env['OTEL_BSP_SCHEDULE_DELAY'])
  const copy = join(t.testdir(), 'copy')
  cpSync(folder, copy, { recursive: true })
  const collector = await startCollector(t)
  const server = await startServer(t, ['--model', copy, '--otlp-endpoint', collector.origin])
  rmSync(join(copy, 'heads.onnx'))
  process.kill(childrenOf(server.pid)[0]!, 'SIGKILL')
  await until(async () => (await server.get('/readyz')).status === 503)
  t.equal((await server.post('/score', work)).status, 503, 'it waits in vain')
  t.equal((await server.exit).code, 1)
  const [request] = named(collector.spans(), 'POST /score')
  t.match(request?.attributes, { 'http.response.status_code': 503, 'error.type': 'engine_unavailable' })
})

t.test('a URL that is none keeps it from starting', async (t) => {
  await t.rejects(startServer(t, ['--model', folder, '--otlp-endpoint', 'collector:4318']), {
    message: /--otlp-endpoint must be an http or https URL/
  })
})
