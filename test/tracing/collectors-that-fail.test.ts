/** Whatever the collector does, requests are answered, what is lost is counted, and a stop waits no longer than it may. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { fakeApp } from '../http/helpers.js'
import { startCollector } from '../support/collector.js'
import { until } from '../support/until.js'
import { score, tracesTo } from './support.js'

// No time of the exporter's own ends what the tests are about.
const LONG = '600000'
const SETTINGS = {
  OTEL_EXPORTER_OTLP_TIMEOUT: LONG,
  OTEL_BSP_EXPORT_TIMEOUT: LONG,
  OTEL_BSP_SCHEDULE_DELAY: '1',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
  OTEL_BSP_MAX_QUEUE_SIZE: '4'
}
Object.assign(process.env, SETTINGS)
t.teardown(() => {
  for (const name of Object.keys(SETTINGS)) delete process.env[name]
})

const HEAD = { method: 'GET', route: '/v1/models', httpVersion: '1.1', at: 0, parent: null }
const END = { at: 1, status: 200, code: null }

t.test('one that takes exports and never answers', async (t) => {
  const collector = await startCollector(t, () => undefined)
  const traces = await tracesTo(t, collector.origin)
  const app = await fakeApp(t, { tracing: traces.tracing })
  for (let i = 0; i < 20; i++) t.equal((await score(app, ['a'])).statusCode, 200)
  await until(() => collector.received.length > 0)
  // A request here has two spans. One is on its way, four wait.
  t.strictSame(traces.counted, { exported: 0, failed: 0, dropped: 35 })
  t.match(traces.warnings, [{ why: 'too many wait' }])
  t.equal(traces.warnings.length, 1, 'and it is told once')
  // It would be waited for until the test run's own timeout.
  await traces.tracing.close(10)
  t.equal(traces.counted.exported, 0)
  collector.close()
})

t.test('one that is not there', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as { port: number }
  await new Promise((resolve) => closed.close(resolve))
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '50'
  t.teardown(() => void (process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = LONG))
  const traces = await tracesTo(t, `http://127.0.0.1:${port}`)
  const app = await fakeApp(t, { tracing: traces.tracing })
  t.equal((await score(app, ['a'])).statusCode, 200)
  await until(() => traces.counted.failed === 2)
  t.match(traces.warnings, [{ lost: 1, why: 'ECONNREFUSED' }])
  t.equal(traces.warnings.length, 1)
})

for (const [what, status, body, outcome] of [
  ['refuses', 400, 'a reason that names PRIVATE things', 'failed'],
  ['answers nonsense', 200, '<html>PRIVATE', 'exported'],
  ['sends elsewhere', 302, '', 'failed']
] as const) {
  t.test(`one that ${what}`, async (t) => {
    const elsewhere = await startCollector(t)
    const collector = await startCollector(t, (response) => {
      response.writeHead(status, { location: `${elsewhere.origin}/v1/traces` }).end(body)
    })
    const traces = await tracesTo(t, collector.origin)
    traces.tracing.begin(HEAD)!.end(END)
    await until(() => traces.counted[outcome] === 1)
    t.strictSame(traces.warnings, outcome === 'failed' ? [{ lost: 1, why: status }] : [])
    t.strictSame(elsewhere.received, [], 'nobody else is asked')
  })
}

t.test('one that comes back gets the next ones', async (t) => {
  let ill = true
  const collector = await startCollector(t, (response) => response.writeHead(ill ? 400 : 200).end('{}'))
  const traces = await tracesTo(t, collector.origin)
  traces.tracing.begin(HEAD)!.end(END)
  await until(() => traces.counted.failed === 1)
  ill = false
  traces.tracing.begin(HEAD)!.end(END)
  await until(() => traces.counted.exported === 1)
})
