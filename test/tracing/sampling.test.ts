/** Which requests are traced. */
import t from 'tap'
import { named, score, tracedServer } from './support.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

t.test('the caller decides where it has, else the ratio', async (t) => {
  const { app, exported, log } = await tracedServer(t, { ratio: 0 })
  const unnamed = await score(app, ['a'])
  t.equal(unnamed.headers['traceresponse'], undefined)
  t.notMatch(JSON.parse(log.at(-1)!), { trace_id: /./ })
  const unsampled = await score(app, ['b'], { traceparent: `00-${TRACE}-${PARENT}-00` })
  t.match(unsampled.headers['traceresponse'], new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
  t.match(JSON.parse(log.at(-1)!), { trace_id: TRACE })
  const sampled = await score(app, ['c'], { traceparent: `00-${TRACE}-${PARENT}-01` })
  const spans = await exported()
  t.equal(named(spans, 'POST /score').length, 1)
  t.equal(sampled.headers['traceresponse'], `00-${TRACE}-${named(spans, 'POST /score')[0]?.spanId}-01`)
})

t.test('a ratio between traces some', async (t) => {
  const { app, exported } = await tracedServer(t, { ratio: 0.5 })
  const replies = []
  for (let i = 0; i < 200; i++) replies.push(await app.inject({ url: '/v1/models' }))
  const requests = named(await exported(), 'GET /v1/models')
  t.ok(requests.length > 50 && requests.length < 150, `${requests.length} of 200`)
  const told = replies.flatMap(({ headers }) => String(headers['traceresponse'] ?? '').split('-')[1] ?? [])
  t.strictSame(told.sort(), requests.map(({ traceId }) => traceId).sort(), 'whom a reply names is there')
})

t.test("the SDK's variables hold where the ratio is not set", async (t) => {
  process.env['OTEL_TRACES_SAMPLER'] = 'always_off'
  process.env['OTEL_SERVICE_NAME'] = 'scorer'
  process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'deployment.environment.name=test,service.name=other'
  process.env['OTEL_EXPORTER_OTLP_HEADERS'] = 'x-tenant=a'
  t.teardown(() => {
    for (const name of ['TRACES_SAMPLER', 'SERVICE_NAME', 'RESOURCE_ATTRIBUTES', 'EXPORTER_OTLP_HEADERS']) {
      delete process.env[`OTEL_${name}`]
    }
  })
  const off = await tracedServer(t)
  await score(off.app, ['a'])
  t.strictSame(await off.exported(), [])
  const on = await tracedServer(t, { ratio: 0.999_999 })
  await score(on.app, ['a'])
  const [span] = await on.exported()
  t.match(span?.resource, { 'service.name': 'scorer', 'deployment.environment.name': 'test' })
  t.equal(on.collector.received[0]?.headers['x-tenant'], 'a')
})

t.test('a variable that is wrong is told', async (t) => {
  process.env['OTEL_TRACES_SAMPLER'] = 'often'
  t.teardown(() => void delete process.env['OTEL_TRACES_SAMPLER'])
  const { warnings } = await tracedServer(t)
  t.match(warnings, [{ opentelemetry: /OTEL_TRACES_SAMPLER/ }])
})
