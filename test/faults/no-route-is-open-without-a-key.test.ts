import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { KeyRing, parseKeys } from '../../src/http/auth/api-keys.js'
import { fakeApp } from '../http/helpers.js'
import { ROOT } from '../support/paths.js'

const KEY = 'sesame+open/sesame=='
const PROBES = ['/livez', '/readyz', '/v2/health/live', '/v2/health/ready']

interface Operation {
  readonly security?: readonly object[]
  readonly responses: Record<string, { content?: { 'application/json'?: { schema?: object } } }>
}
const { paths } = JSON.parse(readFileSync(join(ROOT, 'openapi/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
}
const OPERATIONS = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase() as 'GET' | 'POST' | 'PUT',
    url: path.replace(/\{\w+\}/g, 'x'),
    path,
    operation
  }))
)

const access = { keys: new KeyRing(parseKeys(`trainer:${KEY}`)) }

t.test('once keys are set, no route of the document answers without one but the probes', async (t) => {
  const app = await fakeApp(t, { access })
  t.ok(OPERATIONS.length > 30)
  for (const { method, url, path, operation } of OPERATIONS) {
    const reply = await app.inject({ method, url, ...(method !== 'GET' && { payload: { inputs: [] } }) })
    const open = PROBES.includes(path)
    t.equal(reply.statusCode === 401, !open, `${method} ${path}: ${reply.statusCode}`)
    t.equal(operation.security?.length === 0, open, `${path}: the document says so`)
    if (!open) t.equal(reply.headers['www-authenticate'], 'Bearer')
  }
  const metrics = await app.inject({ url: '/metrics', headers: { 'x-api-key': KEY } })
  const refused = OPERATIONS.length - PROBES.length
  t.match(metrics.body, new RegExp(`^armorm_errors_total\\{code="unauthorized"\\} ${refused}$`, 'm'))
})

t.test('nor does what the document does not have', async (t) => {
  const app = await fakeApp(t, { access })
  for (const [method, url] of [
    ['GET', '/docs'],
    ['GET', '/docs/json'],
    ['GET', '/docs/static/index.html'],
    ['HEAD', '/v1/models'],
    ['GET', '/none'],
    ['GET', '/k//score'],
    ['DELETE', '/score'],
    ['OPTIONS', '/score'],
    ['POST', '/admin/reload'],
    ['GET', '/v2/models/x/versions/1']
  ] as const) {
    t.equal((await app.inject({ method, url })).statusCode, 401, `${method} ${url}`)
  }
})

t.test('each contract refuses in its own words', async (t) => {
  const app = await fakeApp(t, { access })
  const body = async (url: string) => (await app.inject({ method: 'POST', url, payload: {} })).json<object>()
  t.match(await body('/score'), { error: { code: 'unauthorized' } })
  t.match(await body('/v2/models/x/infer'), { error: /^unauthorized: / })
  t.match(await body('/apis/custom/reward-system/v1/submit_task'), { errcode: 401, errmsg: /^unauthorized: / })
  t.match(await body('/predict'), { error: /^unauthorized: /, error_type: 'Validation' })
})

t.test('a key is taken from either header or from the URL, on every route', async (t) => {
  const app = await fakeApp(t, { access })
  const ways = [
    ['', { authorization: `Bearer ${KEY}` }],
    ['', { authorization: `bearer  ${KEY}` }],
    ['', { 'x-api-key': KEY }],
    [`/k/${encodeURIComponent(KEY)}`, {}],
    [`/k/${encodeURIComponent(KEY)}`, { authorization: 'Bearer EMPTY' }]
  ] as const
  for (const [prefix, headers] of ways) {
    for (const { method, url } of OPERATIONS) {
      const payload = method === 'GET' ? {} : { payload: { inputs: [{ text: 'a' }] } }
      const keyed = await app.inject({ method, url: prefix + url, headers, ...payload })
      t.not(keyed.statusCode, 401, `${method} ${url}`)
    }
    const payload = { inputs: [{ text: 'abc' }] }
    t.equal((await app.inject({ method: 'POST', url: `${prefix}/score?x=1`, headers, payload })).statusCode, 200)
  }
})

t.test('what is not quite a key is none', async (t) => {
  const app = await fakeApp(t, { access })
  for (const [url, headers] of [
    ['/v1/models', { authorization: KEY }],
    ['/v1/models', { authorization: `Basic ${KEY}` }],
    ['/v1/models', { authorization: `Bearer ${KEY}x` }],
    ['/v1/models', { authorization: `Bearer ${KEY.slice(0, -1)}` }],
    ['/v1/models', { 'x-api-key': KEY.toUpperCase() }],
    ['/v1/models', { 'x-api-key': `${KEY}, ${KEY}` }],
    ['/v1/models', { 'x-api-key': 'trainer' }],
    [`/v1/models?key=${encodeURIComponent(KEY)}`, {}],
    [`/x/k/${encodeURIComponent(KEY)}/v1/models`, {}],
    ['/k/%ff/v1/models', {}]
  ] as const) {
    t.equal((await app.inject({ url, headers })).statusCode, 401, `${url} ${JSON.stringify(headers)}`)
  }
})

t.test('keys are in no log, metric, error or explanation; the name of the key is', async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, { access }, log)
  const key = encodeURIComponent(KEY)
  const payload = { inputs: [{ text: 'abc' }] }
  const requests: InjectOptions[] = [
    { method: 'POST', url: `/k/${key}/score`, payload },
    { method: 'POST', url: '/score', payload, headers: { authorization: `Bearer ${KEY}` } },
    { method: 'POST', url: `/k/${key}/score`, payload: `{"inputs": ${KEY}` },
    { method: 'POST', url: `/k/${key}/score`, payload: { inputs: [{ text: 'a' }], model: 'x' } },
    { method: 'GET', url: `/k/${key}/none` },
    { method: 'GET', url: `/k/${key}/explain/%zz` },
    { method: 'GET', url: `/k/${key}/docs` },
    { method: 'GET', url: `/k/${key}/metrics` },
    { method: 'GET', url: `/k/${key}x/score` },
    { method: 'PUT', url: `/k/${key}/score` }
  ]
  const secret = new RegExp([KEY, key].map((each) => each.replace(/[+/=]/g, '\\$&')).join('|'))
  for (const [i, request] of requests.entries()) {
    const reply = await app.inject(request)
    t.notMatch(reply.body + JSON.stringify(reply.headers), secret, `request ${i}`)
  }
  t.notMatch(log.join(''), secret)
  const lines = log.map((line) => JSON.parse(line) as { msg: string; key?: string })
  t.equal(lines.filter(({ key }) => key === 'trainer').length, 8)
  const { body } = await app.inject({ url: `/k/${key}/metrics` })
  t.match(body, /^armorm_key_requests_total\{key="trainer"\} 9$/m)
})

t.test('without keys nothing asks for one, and /k is no path', async (t) => {
  const app = await fakeApp(t)
  t.equal((await app.inject({ url: '/v1/models' })).statusCode, 200)
  t.equal((await app.inject({ url: `/k/${encodeURIComponent(KEY)}/v1/models` })).statusCode, 404)
})
