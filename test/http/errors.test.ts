import { once } from 'node:events'
import { type AddressInfo, connect, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { ArmormError, type ErrorCode, ERRORS } from '../../src/errors.js'
import { KeyRing } from '../../src/http/auth/api-keys.js'
import { Lifecycle } from '../../src/http/lifecycle.js'
import { answerClientError } from '../../src/http/plugins/errors.js'
import { connected, portOf, postOf, received, replyOf } from '../support/raw-client.js'
import { type Fakes, fakeApp } from './helpers.js'

const score = (payload: string | object, headers: Record<string, string> = {}): InjectOptions => ({
  method: 'POST',
  url: '/score',
  payload,
  headers
})
const one = score({ inputs: [{ text: 'a' }] })
const json = { 'content-type': 'application/json' }

/** A tokenizer or engine that answers with an error of its own. */
const tokenizing = (code: ErrorCode): Fakes => ({
  tokenizer: { encode: () => Promise.reject(new ArmormError(code, 'as the tokenizer says')) }
})
const rating = (error: Error): Fakes => ({ rater: { rate: () => Promise.reject(error) } })
const reload = { method: 'POST', url: '/admin/reload' } as const
const reloading = (code: ErrorCode): Fakes => ({ reload: () => Promise.reject(new ArmormError(code, 'as it says')) })
const draining = () => {
  const lifecycle = new Lifecycle()
  lifecycle.startDraining()
  return { lifecycle }
}

const inject = (request: InjectOptions, fakes: Fakes = {}) => {
  return async (t: Test) => {
    const app = await fakeApp(t, fakes)
    const reply = await app.inject(request)
    return { status: reply.statusCode, body: reply.body, headers: reply.headers }
  }
}

/** Sends bytes as they are and returns what comes back. */
const raw = (bytes: string) => async (t: Test) => {
  const app = await fakeApp(t)
  const received = await exchange(app, bytes)
  return { status: Number(received.split(' ')[1]), body: received.split('\r\n\r\n')[1] ?? '', headers: {} }
}

async function exchange(app: FastifyInstance, bytes: string): Promise<string> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(bytes)
  return text(socket)
}

/** How each code that a reply can carry is reached. */
const ways: Partial<Record<ErrorCode, (t: Test) => Promise<{ status: number; body: string; headers: object }>>> = {
  invalid_json: inject(score('{"inputs": [', json)),
  invalid_request: inject(score({ inputs: 'none' })),
  unsupported_media_type: inject(score('<inputs/>', { 'content-type': 'application/xml' })),
  unauthorized: inject(one, { access: { keys: new KeyRing([]) } }),
  forbidden: async (t) => {
    const app = await fakeApp(t, { access: { loopback: false } })
    app.post('/admin/try', async () => ({}))
    const { statusCode: status, body, headers } = await app.inject({ method: 'POST', url: '/admin/try' })
    return { status, body, headers }
  },
  body_too_large: inject(score({ inputs: [{ text: 'x'.repeat(2000) }] }), { limits: { bodyLimit: 1000 } }),
  too_many_inputs: inject(score({ inputs: [{ text: 'a' }, { prompt: 'p', responses: ['a', 'b'] }] }), {
    limits: { maxInputs: 2 }
  }),
  too_long: inject(one, tokenizing('too_long')),
  text_too_large: inject(one, tokenizing('text_too_large')),
  invalid_conversation: inject(one, tokenizing('invalid_conversation')),
  template_failed: inject(one, tokenizing('template_failed')),
  invalid_token_ids: inject(one, tokenizing('invalid_token_ids')),
  no_gate: inject(one, tokenizing('no_gate')),
  unparsable_text: inject(one, tokenizing('unparsable_text')),
  no_tokenizer: inject(one, tokenizing('no_tokenizer')),
  unknown_model: inject(score({ inputs: [], model: 'another' })),
  explain_not_found: inject({ method: 'GET', url: '/explain/gone' }),
  headers_too_large: raw(`GET /explain?prompt=${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`),
  // Its reply finds nobody; disconnect.test.ts sees what remains of it.
  client_closed: inject(one, rating(new ArmormError('client_closed', 'gone'))),
  request_timeout: async () => {
    const written: string[] = []
    const socket = new Socket()
    socket.end = ((chunk: string) => {
      written.push(chunk)
      return socket
    }) as Socket['end']
    Object.defineProperty(socket, 'writable', { value: true })
    answerClientError(Object.assign(new Error('slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket)
    const [head = '', body = ''] = written.join('').split('\r\n\r\n')
    return { status: Number(head.split(' ')[1]), body, headers: {} }
  },
  reload_running: inject(reload, reloading('reload_running')),
  reload_failed: inject(reload, reloading('reload_failed')),
  body_too_complex: inject(score(`{"inputs":${'['.repeat(70)}`, json)),
  too_many_connections: async (t) => {
    const app = await fakeApp(t, { limits: { maxConnections: 1 } })
    const port = await portOf(app)
    const [first, second] = [await connected(port), await connected(port)]
    second.write(postOf('/score', '{}'))
    const { status, head, body } = replyOf(await received(second))
    first.destroy()
    return { status, body, headers: Object.fromEntries(head.split('\r\n').map((line) => line.split(': '))) as object }
  },
  not_found: inject({ method: 'GET', url: '/scores' }),
  method_not_allowed: inject({ method: 'GET', url: '/score' }),
  too_many_tokens: inject(one, rating(new ArmormError('too_many_tokens', 'too many'))),
  exceeds_queue: inject(one, rating(new ArmormError('exceeds_queue', 'too much'))),
  overloaded: inject(one, rating(new ArmormError('overloaded', 'busy'))),
  non_finite: inject(one, rating(new ArmormError('non_finite', 'NaN'))),
  engine_failed: inject(one, rating(new ArmormError('engine_failed', 'twice'))),
  engine_unavailable: inject(one, { lifecycle: new Lifecycle() }),
  deadline_exceeded: inject(
    { ...one, headers: { 'x-request-timeout-ms': '1' } },
    { rater: { rate: () => new Promise(() => {}) } }
  ),
  shutting_down: inject(one, draining()),
  internal: inject(one, rating(new TypeError('secret of the server')))
}

t.test('every code that a reply can carry is reached over HTTP, with its status and the one body', async (t) => {
  const replies = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].status !== null)
  t.strictSame(Object.keys(ways).sort(), replies.sort())
  for (const code of replies) {
    await t.test(code, async (t) => {
      const { status, body, headers } = (await ways[code]?.(t)) ?? { status: 0, body: '', headers: {} }
      t.equal(status, ERRORS[code].status)
      const reply = JSON.parse(body) as { error: Record<string, unknown> }
      t.strictSame(Object.keys(reply), ['error'])
      t.strictSame(Object.keys(reply.error), ['code', 'message', 'details'])
      t.equal(reply.error['code'], code)
      t.type(reply.error['message'], 'string')
      t.notMatch(body, /secret/)
      if (status === 503 || status === 504 || status === 429) t.ok('retry-after' in headers)
    })
  }
})

t.test("Fastify's and Node's own refusals have the same body", async (t) => {
  const app = await fakeApp(t)
  const code = async (request: InjectOptions) => {
    const reply = await app.inject(request)
    return [reply.statusCode, reply.json<{ error: { code: string } }>().error.code]
  }
  t.strictSame(await code({ method: 'GET', url: '/explain/%zz' }), [400, 'invalid_request'])
  t.strictSame(await code({ method: 'GET', url: `/explain/${'x'.repeat(500)}` }), [404, 'not_found'])
  t.strictSame(await code({ method: 'GET', url: '/docs/static/none' }), [404, 'not_found'])
  t.strictSame(await code({ method: 'POST', url: '/score' }), [400, 'invalid_request'])
  t.strictSame(await code(score('', json)), [400, 'invalid_json'])
  t.strictSame(await code(score('{}', { 'content-type': 'no type' })), [415, 'unsupported_media_type'])
  t.strictSame(await code(score('{"inputs":[],"__proto__":{}}', json)), [400, 'invalid_json'])
  t.strictSame(await code(score('{"inputs":[{"constructor":{"prototype":{}}}]}', json)), [400, 'invalid_json'])
  t.match(
    await exchange(app, 'GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: x\r\n\r\n'),
    /^HTTP\/1.1 404 [^]*not_found/
  )
  t.match(await exchange(app, 'NONSENSE\r\n\r\n'), /^HTTP\/1.1 400 [^]*"code":"invalid_request"/)
  const { body: metrics } = await app.inject({ method: 'GET', url: '/metrics' })
  t.match(metrics, /^armorm_errors_total\{code="invalid_request"\} 3$/m, 'what no route saw is counted too')
})

t.test('405 says which methods there are', async (t) => {
  const app = await fakeApp(t)
  const query = await app.inject({ method: 'QUERY' as 'GET', url: '/score' })
  t.equal(query.statusCode, 405)
  const put = await app.inject({ method: 'PUT', url: '/explain?prompt=x', payload: {} })
  t.equal(put.statusCode, 405)
  t.equal(put.headers['allow'], 'GET, HEAD, POST')
  const id = await app.inject({ method: 'DELETE', url: '/explain/some-id' })
  t.equal(id.headers['allow'], 'GET, HEAD')
})

t.test('what does not match the schema is named by its path', async (t) => {
  const app = await fakeApp(t)
  const issues = async (payload: object) => {
    const reply = await app.inject({ method: 'POST', url: '/score', payload })
    return reply.json<{ error: { details: { issues: unknown[] } } }>().error.details.issues
  }
  t.strictSame(await issues({ inputs: [], trunction: 'none' }), [{ path: '/trunction', message: 'unknown field' }])
  t.strictSame(await issues({ inputs: [], return: ['rating'] }), [
    {
      path: '/return/0',
      message: 'must be one of score, explain_id, ratings, gating, contributions, usage, timing'
    }
  ])
  t.strictSame(await issues({ inputs: [], truncation: 'left' }), [
    { path: '/truncation', message: 'must be one of none, prompt_left' }
  ])
  const hint = 'must have inputs; send {"inputs": [{"messages": [...]}, ...]}'
  t.strictSame(await issues({}), [{ path: '', message: hint }])
  t.strictSame(await issues({ inputs: [{ text: 'a' }, { messages: [{ role: 'user', content: 5 }] }] }), [
    { path: '/inputs/1/messages/0/content', message: 'must be string' }
  ])
  t.strictSame(await issues({ inputs: [{ prompt: 'a', response: 'b', responses: ['c'] }] }), [
    { path: '/inputs/0/response', message: 'unknown field' }
  ])
  t.strictSame(await issues({ inputs: [{ prompt: 'a' }] }), [{ path: '/inputs/0', message: 'must have response' }])
  t.match(await issues({ inputs: [{ id: 2 ** 53, text: 'a' }] }), [
    { path: '/inputs/0/id', message: 'must be string' },
    { path: '/inputs/0/id', message: 'must be <= 9007199254740991' }
  ])
})

t.test('a value with more faults than are told is refused all the same', async (t) => {
  const app = await fakeApp(t)
  const unknown = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, 'x'.repeat(100)]))
  for (const payload of [
    { inputs: [], ...unknown },
    { inputs: [{ text: 'a', ...unknown }] },
    { inputs: [{ messages: 'none', ...unknown }] },
    { inputs: [{ input_ids: Array<null>(1000).fill(null) }] }
  ]) {
    const reply = await app.inject({ method: 'POST', url: '/score', payload })
    t.equal(reply.statusCode, 400)
    t.ok(reply.body.length < 4000, 'and the reply stays short')
  }
  const input_ids = [...Array<number>(200_000).fill(1), 0.5]
  const late = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ input_ids }] } })
  t.match(late.json(), { error: { code: 'invalid_request', message: /after its first 100000/ } })
})
