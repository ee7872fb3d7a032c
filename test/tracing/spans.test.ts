/** The spans of requests, as a collector gets them. */
import t, { type Test } from 'tap'
import { parseKeys } from '../../src/http/auth/api-keys.js'
import { KeyRing } from '../../src/http/auth/api-keys.js'
import type { Span } from '../support/collector.js'
import { send } from '../support/overload.js'
import { until } from '../support/until.js'
import { named, score, tracedServer } from './support.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

/** The one span of this name. */
function only(t: Test, spans: readonly Span[], name: string): Span {
  const found = named(spans, name)
  t.equal(found.length, 1, `${name}: one of ${spans.map((span) => span.name).join(', ')}`)
  return found[0]!
}

t.test('a request is a span of its caller, with what became of its work in spans within', async (t) => {
  const { app, collector, log, exported } = await tracedServer(t, { maxBatchSequences: 2 })
  const reply = await score(app, ['abc', 'defg', 'hijkl'], {
    traceparent: `00-${TRACE}-${PARENT}-01`,
    'x-priority': 'bulk'
  })
  t.equal(reply.statusCode, 200)
  const spans = await exported()
  t.ok(collector.received.every(({ url }) => url === '/v1/traces'))
  const request = only(t, spans, 'POST /score')
  t.match(request, { traceId: TRACE, parentSpanId: PARENT, kind: 2, status: 0 })
  t.strictSame(request.attributes, {
    'http.request.method': 'POST',
    'http.route': '/score',
    'url.scheme': 'http',
    'network.protocol.version': '1.1',
    'http.response.status_code': 200,
    'armorm.contract': 'score',
    'armorm.model.revision': '0123456789abcdef',
    'armorm.conversations': 3,
    'armorm.tokens': 12,
    'armorm.batches': 2,
    'armorm.cached_conversations': 0,
    'armorm.joined_conversations': 0,
    'armorm.failed_conversations': 0
  })
  t.match(request.resource, { 'service.name': 'armorm-server', 'service.version': /^\d+\.\d+\.\d+/ })
  t.equal(reply.headers['traceresponse'], `00-${TRACE}-${request.spanId}-01`)
  t.match(JSON.parse(log.at(-1)!), { msg: 'request', trace_id: TRACE, span_id: request.spanId })

  const tokenize = only(t, spans, 'tokenize')
  t.strictSame(tokenize.attributes, { 'armorm.conversations': 3, 'armorm.tokens': 12, 'armorm.trimmed_tokens': 0 })
  const queue = only(t, spans, 'queue')
  const runs = named(spans, 'run').sort((a, b) => (a.from < b.from ? -1 : 1))
  t.match(
    runs.map(({ attributes }) => attributes),
    [
      { 'armorm.batch.conversations': 2, 'armorm.conversations': 2, 'armorm.tokens': 7, 'armorm.batch.failed_runs': 0 },
      { 'armorm.batch.conversations': 1, 'armorm.conversations': 1, 'armorm.tokens': 5, 'armorm.batch.failed_runs': 0 }
    ]
  )
  const inner = [tokenize, queue, ...runs]
  for (const { traceId, parentSpanId, kind, from, to, name } of inner) {
    t.strictSame([traceId, parentSpanId, kind], [TRACE, request.spanId, 1], name)
    t.ok(request.from <= from && from <= to && to <= request.to, `${name} lies within its request`)
  }
  inner.slice(1).forEach(({ name, from }, i) => t.ok(inner[i]!.to <= from, `${name} begins after the one before it`))
  t.equal(spans.length, 1 + inner.length)
  const age = Date.now() - Number(request.to / 1_000_000n)
  t.ok(age > -1000 && age < 600_000, 'times are those of the calendar')
})

t.test('requests that share a batch have each a span of it, with its id and its times', async (t) => {
  const { app, exported } = await tracedServer(t)
  const ask = (response: string) =>
    app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ prompt: 'prompt', response }] } })
  await Promise.all([ask('one'), ask('three')])
  const spans = await exported()
  const [one, other] = named(spans, 'run')
  t.not(one?.traceId, other?.traceId)
  t.strictSame([one?.from, one?.to], [other?.from, other?.to])
  for (const run of [one, other]) {
    t.match(run?.attributes, {
      'armorm.batch.id': one?.attributes['armorm.batch.id'],
      'armorm.batch.conversations': 2,
      'armorm.batch.tokens': 20,
      'armorm.batch.shared_tokens': 6,
      'armorm.conversations': 1
    })
  }
  t.match([one?.attributes['armorm.tokens'], other?.attributes['armorm.tokens']].sort(), [11, 9])
})

t.test('runs that fail are seen in the requests that were in them, and the guilty one is an error', async (t) => {
  const { app, exported } = await tracedServer(t)
  const [guilty, innocent] = await Promise.all([score(app, ['\u0003guilty']), score(app, ['innocent'])])
  t.equal(guilty.statusCode, 500)
  t.equal(innocent.statusCode, 200)
  const spans = await exported()
  const runs = named(spans, 'run')
  t.equal(runs.length, 2)
  const of = (code: number) => {
    const [request] = named(spans, 'POST /score').filter(
      ({ attributes }) => attributes['http.response.status_code'] === code
    )
    return { request: request!, run: runs.find(({ parentSpanId }) => parentSpanId === request?.spanId)! }
  }
  const bad = of(500)
  // Twice whole, then alone.
  const failed = (conversations: number) => ({
    name: 'run failed',
    attributes: { 'armorm.fault': 'run_failed', 'armorm.conversations': conversations }
  })
  t.match(bad.run.events, [failed(2), failed(2), failed(1)])
  t.match(bad.run, { status: 2, attributes: { 'error.type': 'engine_failed', 'armorm.batch.failed_runs': 3 } })
  t.match(bad.request, { status: 2, attributes: { 'error.type': 'engine_failed', 'armorm.failed_conversations': 1 } })
  const good = of(200)
  t.match(good.run.events, [failed(2), failed(2)])
  t.equal(good.run.events.length, 2)
  t.match([good.run.status, good.request.status], [0, 0])
})

t.test('what memory answers, or other work under way, is counted', async (t) => {
  const { app, exported } = await tracedServer(t)
  const texts = ['same', 'same', 'other']
  for (const name of ['first', 'again']) t.equal((await score(app, texts)).statusCode, 200, name)
  const spans = await exported()
  const counts = named(spans, 'POST /score').map(({ attributes }) => [
    attributes['armorm.joined_conversations'],
    attributes['armorm.cached_conversations'],
    attributes['armorm.batches']
  ])
  t.strictSame(counts, [
    [1, 0, 1],
    [0, 3, 0]
  ])
  const run = only(t, spans, 'run')
  t.match(run.attributes, { 'armorm.batch.conversations': 2, 'armorm.conversations': 3 }, 'one of them serves two')
  only(t, spans, 'queue')
})

t.test('waiting for room, and its refusal', async (t) => {
  const { app, exported, release, load } = await tracedServer(t, { maxTokens: 10 })
  const running = score(app, ['\u0005'])
  await until(() => load().running > 0)
  const full = score(app, ['aaaaaaaaa'])
  await until(() => load().conversations > 0)
  const inLine = app.inject({
    method: 'POST',
    url: '/get_reward',
    payload: { query: ['cccc cccc'], prompts: ['cccc'] }
  })
  await until(() => load().requests === 1)
  const refused = await score(app, ['dddddddd'])
  t.equal(refused.statusCode, 429)
  release()
  const replies = await Promise.all([running, full, inLine])
  t.strictSame(
    replies.map(({ statusCode }) => statusCode),
    [200, 200, 200]
  )
  const spans = await exported()
  const line = only(t, spans, 'line')
  const waited = only(t, spans, 'POST /get_reward')
  t.equal(line.parentSpanId, waited.spanId)
  t.equal(waited.attributes['armorm.contract'], 'openrlhf')
  const [no] = named(spans, 'POST /score').filter(({ attributes }) => attributes['http.response.status_code'] === 429)
  t.match(no, { status: 0, attributes: { 'armorm.error_code': 'overloaded', 'armorm.refusal': 'tokens' } })
  t.equal(no?.attributes['error.type'], undefined, "a caller's error is none of the server's")
  t.strictSame(
    spans.filter(({ parentSpanId }) => parentSpanId === no?.spanId),
    []
  )
})

t.test('a client that has gone, and a time that is over', async (t) => {
  const { app, exported, load, log } = await tracedServer(t)
  void score(app, ['\u0005'])
  await until(() => load().running > 0)
  const late = await score(app, ['late'], { 'x-request-timeout-ms': '20' })
  t.equal(late.statusCode, 504)
  const socket = await send(app, '/score', { inputs: [{ text: 'gone' }] })
  await until(() => load().conversations > 0)
  socket.destroy()
  await until(() => log.some((line) => line.includes('client_closed')))
  const spans = await exported()
  const requests = named(spans, 'POST /score')
  const [expired] = requests.filter(({ attributes }) => attributes['http.response.status_code'] === 504)
  t.match(expired, { status: 2, attributes: { 'error.type': 'deadline_exceeded' } })
  const [gone] = requests.filter(({ attributes }) => attributes['armorm.error_code'] === 'client_closed')
  t.notOk('http.response.status_code' in (gone?.attributes ?? {}), 'it got no reply')
  for (const request of [expired, gone]) {
    const inner = spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId)
    t.strictSame(inner.map(({ name }) => name).sort(), ['queue', 'tokenize'], 'it was never run')
  }
})

t.test('nothing that a caller wrote leaves the process', async (t) => {
  const secret = 'PRIVATE'
  const key = `${secret}-key-0123456789abcdef`
  const keys = new KeyRing(parseKeys(`trainer:${key}`))
  const { app, collector, exported } = await tracedServer(t, { access: { keys } })
  const headers = {
    authorization: `Bearer ${key}`,
    'x-request-id': `${secret}-id`,
    'user-agent': secret,
    tracestate: `vendor=${secret}`,
    baggage: `user=${secret}`,
    traceparent: `00-${TRACE}-${PARENT}-01`,
    host: `${secret}.example`
  }
  const payload = { inputs: [{ id: secret, prompt: secret, response: secret }] }
  const requests = [
    { method: 'POST', url: '/score', headers, payload },
    { method: 'POST', url: `/k/${key}/score?${secret}`, payload },
    { method: 'POST', url: `/k/${secret}/score`, payload },
    { method: 'POST', url: '/score', headers, payload: { inputs: [{ [secret]: secret }], [secret]: 1 } },
    { method: 'POST', url: '/score', headers, payload: { model: secret, ...payload } },
    { method: 'POST', url: '/score', headers, payload: `{"inputs": ${secret}` },
    { method: 'POST', url: '/score', headers, payload: { inputs: [{ text: `\u0003${secret}` }] } },
    { method: 'GET', url: `/explain?prompt=${secret}&response=${secret}`, headers },
    { method: 'GET', url: `/explain/${secret}`, headers },
    { method: 'GET', url: `/explain/%zz${secret}`, headers },
    { method: 'GET', url: `/none/${secret}`, headers },
    { method: 'DELETE', url: `/explain/${secret}?${secret}`, headers },
    { method: 'POST', url: '/get_reward', headers, payload: { query: [secret], prompts: [secret] } },
    { method: 'POST', url: `/v1/models/${secret}:predict`, headers, payload: { instances: [secret] } }
  ] as const
  for (const request of requests) await app.inject(request)
  const spans = await exported()
  t.equal(spans.filter(({ kind }) => kind === 2).length, requests.length)
  t.notMatch(JSON.stringify(collector.received), secret)
  const names = new Set(spans.map(({ name }) => name))
  for (const name of ['GET /explain', 'GET /explain/:explain_id', 'GET', 'DELETE', 'run']) t.ok(names.has(name), name)
})

t.test('probes and scrapes make no traces', async (t) => {
  const { app, exported, log } = await tracedServer(t)
  for (const url of ['/livez', '/readyz', '/metrics', '/v2/health/live']) await app.inject({ url })
  const { headers } = await app.inject({ url: '/livez', headers: { traceparent: `00-${TRACE}-${PARENT}-01` } })
  t.match(headers['traceresponse'], new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`), "a caller's trace is still named")
  t.match(JSON.parse(log.at(-1)!), { trace_id: TRACE })
  t.strictSame(await exported(), [])
})
