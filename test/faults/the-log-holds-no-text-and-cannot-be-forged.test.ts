import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import { fakeApp } from '../http/helpers.js'

interface Line {
  readonly msg: string
  readonly reqId?: string
  readonly route?: string
  readonly code?: string
  readonly trace_id?: string
  readonly span_id?: string
}

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

/** Sends bytes as they are and returns what comes back. */
async function exchange(app: FastifyInstance, bytes: string | Buffer): Promise<string> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.end(bytes)
  return text(socket)
}

t.test('no text of a request is in the log or in an error, wherever in the request it stands', async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, {}, log)
  const secret = 'PRIVATE'
  const requests: InjectOptions[] = [
    { url: `/explain?prompt=${secret}&response=${secret}` },
    { url: `/explain?prompt=${secret}&response=${secret}&model=${secret}` },
    { method: 'POST', url: '/score', payload: { inputs: [{ text: secret }], model: secret } },
    { method: 'POST', url: '/score', payload: { inputs: [{ id: secret, text: '' }] } },
    { method: 'POST', url: '/score', payload: { inputs: [{ messages: [{ role: secret, content: secret }] }] } },
    { method: 'POST', url: '/get_reward', payload: { query: [secret], prompts: [secret] } },
    { method: 'POST', url: `/v2/models/${secret}/infer`, payload: { inputs: secret } },
    { method: 'POST', url: '/score', payload: `{"inputs": "${secret}` },
    { url: '/v1/models', headers: { cookie: secret, 'user-agent': secret, authorization: secret, referer: secret } },
    { url: '/v1/models', headers: { 'x-request-id': `${secret} with a space`, traceparent: secret } }
  ]
  for (const request of requests) await app.inject(request)
  t.notMatch(log.join(''), secret)
})

t.test('whatever an id, a trace or a name holds, each request has one line, which is JSON', async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, {}, log)
  const hostile = fc.oneof(
    fc.constantFrom(
      '\u001b[2J',
      '\u001b]0;title\u0007',
      '"}\n{"level":60,"msg":"forged"}',
      '\u2028',
      '\r\nX: y',
      '%0a'
    ),
    fc.string({ unit: 'binary', maxLength: 300 })
  )
  await fc.assert(
    fc.asyncProperty(hostile, hostile, async (header, name) => {
      log.length = 0
      // What Node itself refuses in a header does not come so far.
      const latin = header.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?')
      const reply = await app.inject({
        method: 'POST',
        url: '/score',
        headers: { 'x-request-id': latin, traceparent: latin, tracestate: latin },
        payload: { inputs: [{ id: name, text: name }], model: name }
      })
      t.equal(log.length, 1)
      const { reqId, trace_id: trace } = JSON.parse(log[0] ?? '') as Line
      t.match(reqId, /^[\w.:+=@/-]{1,128}$/)
      t.equal(reply.headers['x-request-id'], reqId)
      t.equal(trace, undefined)
      t.match(log[0], /^[\x20-\x7e]+\n$/, 'printable, and one line')
    }),
    { numRuns: 100 }
  )
})

t.test('control characters in a header end the request', async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, {}, log)
  for (const bytes of ['a\u001b[2Jb', 'a\u0000b', 'a\nlevel: 60', 'a\rb']) {
    const received = await exchange(app, `GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${bytes}\r\n\r\n`)
    const [, id] = /x-request-id: (.*)\r/.exec(received) ?? []
    if (id !== undefined) t.match(id, /^[\w-]{36}$/, 'a new one')
    else t.match(received, /^HTTP\/1\.1 400 /)
  }
  for (const line of log) t.doesNotThrow(() => JSON.parse(line) as unknown)
})

t.test("a caller's request id is taken over where it is sane", async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, {}, log)
  const idOf = async (given: string) => {
    const { headers } = await app.inject({ url: '/v1/models', headers: { 'x-request-id': given } })
    return headers['x-request-id']
  }
  for (const sane of ['a', 'run-7/step:12@host', 'x'.repeat(128)]) t.equal(await idOf(sane), sane)
  for (const wrong of ['', 'a b', 'x'.repeat(129), 'ü', '<script>', 'a"b'])
    t.match(await idOf(wrong), /^[0-9a-f-]{36}$/)
})

t.test("a caller's trace is in the log line and in the reply; what is no trace is ignored", async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, {}, log)
  const traced = async (traceparent: string, url = '/v1/models') => {
    log.length = 0
    const { headers } = await app.inject({ url, headers: { traceparent } })
    return { line: JSON.parse(log.at(-1) ?? '') as Line, response: headers['traceresponse'] }
  }
  for (const url of ['/v1/models', '/none', '/explain/%zz']) {
    const { line, response } = await traced(`00-${TRACE}-${PARENT}-01`, url)
    t.equal(line.trace_id, TRACE)
    t.match(line.span_id, /^[0-9a-f]{16}$/)
    t.not(line.span_id, PARENT)
    t.equal(response, `00-${TRACE}-${line.span_id}-01`)
  }
  t.equal((await traced(`cc-${TRACE}-${PARENT}-00-what-later-versions-add`)).line.trace_id, TRACE)
  for (const wrong of [
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01-more`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${TRACE.slice(1)}-${PARENT}-01`,
    ` 00-${TRACE}-${PARENT}-01\u00a0`,
    `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`
  ]) {
    const { line, response } = await traced(wrong)
    t.equal(line.trace_id, undefined, wrong)
    t.equal(response, undefined)
  }
})
