import t from 'tap'
import type { EngineState } from '../../src/engine/contract.js'
import { Lifecycle } from '../../src/http/lifecycle.js'
import { fakeApp, heldRater, manifest } from './helpers.js'

const probes = ['/livez', '/readyz', '/health', '/v1/models', '/metrics', '/docs/json']

t.test('probes, models and metrics answer while a rating is held open', async (t) => {
  const { rater, started, release } = heldRater()
  const app = await fakeApp(t, { rater })
  const scored = app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ text: 'abc' }] } })
  let done = false
  void scored.then(() => (done = true))
  await started
  for (const url of probes) t.equal((await app.inject({ method: 'GET', url })).statusCode, 200, url)
  const metrics = (await app.inject({ method: 'GET', url: '/metrics' })).body
  t.match(metrics, /^armorm_inflight 2$/m, 'the held request and the scrape itself')
  t.equal(done, false)
  release()
  t.equal((await scored).statusCode, 200)
})

t.test('/readyz and /health are 503 until the self-test passed, and when the server stops', async (t) => {
  const lifecycle = new Lifecycle()
  const app = await fakeApp(t, { lifecycle })
  const all = () =>
    Promise.all(
      ['/livez', '/readyz', '/health'].map(async (url) => (await app.inject({ method: 'GET', url })).statusCode)
    )
  t.strictSame(await all(), [200, 503, 503])
  lifecycle.becomeReady()
  t.strictSame(await all(), [200, 200, 200])
  lifecycle.startDraining()
  t.strictSame(await all(), [200, 503, 503])
  t.match((await app.inject({ method: 'GET', url: '/readyz' })).json(), { error: { code: 'shutting_down' } })
  lifecycle.becomeReady()
  t.strictSame(await all(), [200, 503, 503], 'a server that stops does not become ready again')
})

t.test('readiness follows the engine, liveness does not; work is still taken while it restarts', async (t) => {
  let state: EngineState = 'restarting'
  const app = await fakeApp(t, {
    health: () => ({ state, restarts: 3, ...(state === 'restarting' && { returnsInMs: 12_345.6 }) })
  })
  const get = (url: string) => app.inject({ method: 'GET', url })
  const ready = await get('/readyz')
  t.equal(ready.statusCode, 503)
  t.equal(ready.headers['retry-after'], '13', 'when it should be back')
  t.match(ready.json(), { error: { code: 'engine_unavailable', details: { engine: 'restarting' } } })
  t.equal((await get('/livez')).statusCode, 200)
  const payload = { inputs: [{ text: 'a' }] }
  t.equal((await app.inject({ method: 'POST', url: '/score', payload })).statusCode, 200)
  state = 'ready'
  t.match((await get('/health')).json(), { status: 'ready', engine: { state: 'ready', restarts: 3 } })
})

t.test('/v1/models describes the model', async (t) => {
  const app = await fakeApp(t)
  const reply = await app.inject({ method: 'GET', url: '/v1/models' })
  t.match(reply.json(), {
    object: 'list',
    models: ['tiny'],
    data: [
      {
        id: 'tiny',
        object: 'model',
        created: Number,
        revision: manifest.model.revision,
        max_tokens: 100,
        objectives: [{ name: 'helpfulness', source_set: 'helpsteer' }, { name: 'verbosity' }, { name: 'safety' }]
      }
    ]
  })
})

t.test('metrics count requests by pattern, conversations by outcome, errors by code', async (t) => {
  const app = await fakeApp(t)
  const post = (payload: object) => app.inject({ method: 'POST', url: '/score', payload })
  await post({ inputs: [{ text: 'abc' }, { prompt: 'x'.repeat(200), response: 'y' }], truncation: 'prompt_left' })
  await post({ inputs: [{ text: 'abc' }, { nonsense: 1 }], on_error: 'item' })
  await post({ inputs: [{ nonsense: 1 }] })
  await app.inject({ method: 'GET', url: '/explain/secret-id' })
  await app.inject({ method: 'GET', url: '/secret?prompt=secret' })
  await app.inject({ method: 'GET', url: '/explain/%zz-secret' })
  await app.inject({ method: 'PURGE' as 'GET', url: '/secret' })
  const reply = await app.inject({ method: 'GET', url: '/metrics' })
  t.match(reply.headers['content-type'], /^text\/plain; version=0\.0\.4/)
  const lines = reply.body.split('\n')
  for (const line of [
    'armorm_http_requests_total{route="/score",method="POST",status="200"} 2',
    'armorm_http_requests_total{route="/score",method="POST",status="400"} 1',
    'armorm_http_requests_total{route="/explain/:explain_id",method="GET",status="404"} 1',
    'armorm_http_requests_total{route="unmatched",method="GET",status="404"} 1',
    'armorm_http_requests_total{route="unmatched",method="GET",status="400"} 1',
    'armorm_http_requests_total{route="unmatched",method="OTHER",status="404"} 1',
    'armorm_http_request_duration_seconds_count{route="/score"} 3',
    'armorm_samples_total{protocol="score",outcome="ok"} 2',
    'armorm_samples_total{protocol="score",outcome="truncated"} 1',
    'armorm_samples_total{protocol="score",outcome="rejected"} 2',
    'armorm_errors_total{code="invalid_request"} 3',
    'armorm_errors_total{code="explain_not_found"} 1',
    'armorm_trimmed_tokens_total 101',
    'armorm_sequence_tokens_count 3',
    'armorm_queue_wait_seconds_count 3',
    'armorm_score_count 3',
    'armorm_objective_reward_count{objective="helpfulness"} 3',
    'armorm_model_info{model="tiny",revision="0123456789abcdef",dtype="fp32",provider="cpu"} 1',
    'armorm_explain_store_entries 3',
    'armorm_ready 1',
    'armorm_engine_ready 1',
    'armorm_queue_depth 0'
  ]) {
    t.ok(lines.includes(line), line)
  }
  t.notMatch(reply.body, /secret/)
  t.match(reply.body, /^process_cpu_seconds_total /m)
})

t.test('request ids are echoed when they are sane, and made otherwise', async (t) => {
  const app = await fakeApp(t)
  const id = async (given?: string) => {
    const headers = given === undefined ? {} : { 'x-request-id': given }
    return String((await app.inject({ method: 'GET', url: '/livez', headers })).headers['x-request-id'])
  }
  t.equal(await id('job-7/step:12'), 'job-7/step:12')
  const made = /^[0-9a-f-]{36}$/
  t.match(await id(), made)
  t.match(await id('has spaces'), made)
  t.match(await id('"quotes"'), made)
  t.match(await id('x'.repeat(129)), made)
})
