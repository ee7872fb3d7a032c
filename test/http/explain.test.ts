import t from 'tap'
import { ExplainStore } from '../../src/scoring/explain-store.js'
import type { ExplainReply } from '../../src/http/schemas/explain.js'
import type { Result, ScoreReply } from '../../src/http/schemas/score.js'
import { fakeApp, manifest } from './helpers.js'

const messages = [
  { role: 'user', content: '12345' },
  { role: 'assistant', content: '678' }
]

t.test('a result of /score is explained under its id', async (t) => {
  const app = await fakeApp(t)
  const scored = await app.inject({
    method: 'POST',
    url: '/score',
    payload: { inputs: [{ messages }, { prompt: 'ab', responses: ['c', 'de'] }] }
  })
  const [first, nested] = scored.json<ScoreReply>().results as [Result, { results: Result[] }]
  const all = [first, ...nested.results]
  t.equal(new Set(all.map((result) => result.explain_id)).size, 3)
  for (const result of all) {
    const reply = await app.inject({ method: 'GET', url: `/explain/${result.explain_id}` })
    t.equal(reply.statusCode, 200)
    const explained = reply.json<ExplainReply>()
    t.equal(explained.explain_id, result.explain_id)
    t.equal(explained.score, result.score)
    t.strictSame(explained.usage, result.usage)
    t.strictSame(Object.fromEntries(explained.objectives.map((o) => [o.name, o.rating])), result.ratings)
    t.strictSame(Object.fromEntries(explained.objectives.map((o) => [o.name, o.contribution])), result.contributions)
  }
})

t.test('GET and POST /explain say the same as /score of the same conversation', async (t) => {
  const app = await fakeApp(t)
  const scored = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ messages }] } })
  const [result] = scored.json<ScoreReply>().results as [Result]
  const replies = [
    await app.inject({ method: 'GET', url: '/explain', query: { prompt: '12345', response: '678' } }),
    await app.inject({ method: 'POST', url: '/explain', payload: { messages } }),
    await app.inject({ method: 'POST', url: '/explain', payload: { prompt: '12345', response: '678', id: 'x' } }),
    await app.inject({ method: 'POST', url: '/explain', payload: { text: '12345678', model: 'tiny' } })
  ]
  for (const reply of replies) {
    t.equal(reply.statusCode, 200, reply.body)
    t.equal(reply.json<ExplainReply>().score, result.score)
  }
  t.equal(replies[2]?.json<ExplainReply>().id, 'x')
})

t.test('every objective is explained', async (t) => {
  const app = await fakeApp(t)
  const explained = (await app.inject({ method: 'POST', url: '/explain', payload: { messages } })).json<ExplainReply>()
  t.strictSame(
    explained.objectives.map(({ name, source_set }) => ({ name, source_set })),
    manifest.objectives.map(({ name, source_set }) => ({ name, source_set }))
  )
  const [helpfulness, verbosity] = explained.objectives
  // rating 0.8, verbosity 0.5, transform takes -0.25 * 0.5 off; gating weights 0.75, 0.375, 0.375.
  t.strictSame(helpfulness, {
    name: 'helpfulness',
    source_set: 'helpsteer',
    rating: 0.800000012,
    native: { value: 3.50000006, low: 0, high: 4 },
    removed: 0.125,
    adjusted: 0.675000012,
    gating: 0.75,
    contribution: 0.506250009,
    coefficient: 0.75
  })
  t.equal(verbosity?.coefficient, -0.25 * 0.75 + 0.375 - 0.5 * 0.375)
  t.equal(verbosity?.native, null)
  t.equal(explained.gate.sum, 1.5)
  const sum = explained.objectives.reduce((total, { contribution }) => total + contribution, 0)
  t.ok(Math.abs(sum - explained.score) <= 1e-6)
  t.equal(explained.top[0]?.name, 'helpfulness')
})

t.test('an explanation that is gone, or was never kept, answers 404 and says why', async (t) => {
  let now = 1
  const store = new ExplainStore({ maxBytes: 1 << 20, ttlMs: 1000, now: () => now })
  const app = await fakeApp(t, { store })
  const scored = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ messages }] } })
  const [{ explain_id: id }] = scored.json<ScoreReply>().results as [Result]
  t.equal((await app.inject({ method: 'GET', url: `/explain/${id}` })).statusCode, 200)
  now = 1002
  const gone = await app.inject({ method: 'GET', url: `/explain/${id}` })
  t.equal(gone.statusCode, 404)
  t.match(gone.json(), { error: { code: 'explain_not_found', message: /expired/ } })
})

t.test('with the store off, results say so', async (t) => {
  const app = await fakeApp(t, { store: new ExplainStore({ maxBytes: 0, ttlMs: 1000 }) })
  const scored = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ messages }] } })
  t.equal((scored.json<ScoreReply>().results as [Result])[0].explain_id, null)
  const gone = await app.inject({ method: 'GET', url: '/explain/any' })
  t.match(gone.json(), { error: { code: 'explain_not_found', message: /keeps none/ } })
  t.equal((await app.inject({ method: 'POST', url: '/explain', payload: { messages } })).statusCode, 200)
})

t.test('nothing is kept for callers that leave explain_id out', async (t) => {
  const store = new ExplainStore({ maxBytes: 1 << 20, ttlMs: 1000 })
  const app = await fakeApp(t, { store })
  await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ messages }], return: ['ratings'] } })
  t.equal(store.size, 0)
})

t.test('requests that are not one conversation are refused', async (t) => {
  const app = await fakeApp(t)
  const status = async (payload: object) => (await app.inject({ method: 'POST', url: '/explain', payload })).statusCode
  t.equal(await status({ prompt: 'a', responses: ['b'] }), 400)
  t.equal(await status({ inputs: [{ messages }] }), 400)
  t.equal(await status({ messages, truncation: 'right' }), 400)
  t.equal(await status({ messages, unknown: 1 }), 400)
  const get = async (url: string) => (await app.inject({ method: 'GET', url })).statusCode
  t.equal(await get('/explain'), 400)
  t.equal(await get('/explain?prompt=a'), 400)
  t.equal(await get('/explain?prompt=a&prompt=b&response=c'), 400)
  t.equal(await get('/explain?prompt=a&response=b&model=other'), 404)
})
