import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { requireModestJson } from '../../src/http/json-shape.js'
import { ArmormError } from '../../src/errors.js'
import { fakeApp } from '../http/helpers.js'
import { connected, portOf, received, replyOf } from '../support/raw-client.js'

const BODY = JSON.stringify({ inputs: [{ text: 'grüße 🙂' }], return: [] })
const BYTES = Buffer.byteLength(BODY)

const codeOf = (body: string) => (JSON.parse(body) as { error?: { code: string } }).error?.code

t.test('the last byte that fits fits, and one more is refused: with a length', async (t) => {
  for (const [bodyLimit, status] of [
    [BYTES, 200],
    [BYTES - 1, 413]
  ] as const) {
    const app = await fakeApp(t, { limits: { bodyLimit } })
    const reply = await app.inject({ method: 'POST', url: '/score', payload: BODY })
    t.equal(reply.statusCode, status)
    if (status === 413) t.equal(codeOf(reply.body), 'body_too_large')
  }
})

t.test('the same in chunks, with no length; the rest is not waited for', async (t) => {
  const [head, tail] = [BODY.slice(0, 10), BODY.slice(10)].map((part) => Buffer.from(part))
  const chunk = (bytes: Buffer) =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
  for (const [bodyLimit, status] of [
    [BYTES, 200],
    [BYTES - 1, 413]
  ] as const) {
    const app = await fakeApp(t, { limits: { bodyLimit } })
    const socket = await connected(await portOf(app))
    const connection = status === 200 ? 'Connection: close\r\n' : ''
    socket.write(`POST /score HTTP/1.1\r\nHost: a\r\n${connection}Transfer-Encoding: chunked\r\n\r\n`)
    socket.write(chunk(head!))
    socket.write(chunk(tail!))
    if (status === 200) socket.write('0\r\n\r\n')
    const reply = replyOf(await received(socket))
    t.equal(reply.status, status)
    if (status === 413) {
      t.equal(codeOf(reply.body), 'body_too_large')
      t.match(reply.head, /connection: close/i)
    }
  }
})

t.test('a compressed body is as large as what it inflates to', async (t) => {
  const infer = JSON.stringify({ inputs: [{ name: 'text', datatype: 'BYTES', shape: [1], data: ['a'.repeat(5000)] }] })
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  for (const [bodyLimit, status] of [
    [infer.length, 200],
    [infer.length - 1, 413]
  ] as const) {
    const app = await fakeApp(t, { limits: { bodyLimit } })
    const payload = gzipSync(infer)
    t.ok(payload.length < bodyLimit)
    const reply = await app.inject({ method: 'POST', url: '/v2/models/tiny/infer', payload, headers })
    t.equal(reply.statusCode, status, reply.body)
  }
})

t.test('nesting and the number of values are bounded before anything is parsed', async (t) => {
  const app = await fakeApp(t, { limits: { maxJsonDepth: 8, maxJsonValues: 40, bodyLimit: 1 << 26 } })
  const post = async (payload: string, url = '/score') => {
    const reply = await app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } })
    return [reply.statusCode, codeOf(reply.body)]
  }
  const nested = (levels: number) => `{"inputs":[],"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`
  t.strictSame(await post(nested(8)), [400, 'invalid_request'])
  t.strictSame(await post(nested(9)), [413, 'body_too_complex'])
  // The body, its key, the list, and two values for each input.
  const texts = (n: number) => JSON.stringify({ inputs: Array.from({ length: n }, () => ({ '': '' })) })
  t.strictSame(await post(texts(12)), [400, 'invalid_request'])
  t.strictSame(await post(texts(13)), [413, 'body_too_complex'])
  t.strictSame(await post('['.repeat(1 << 25)), [413, 'body_too_complex'], '32 MiB of opening brackets')
  t.strictSame(await post(`{"inputs": [${'[],'.repeat(1 << 23)}1]}`), [413, 'body_too_complex'])
  t.strictSame(await post(`{"inputs": ["${'['.repeat(100)}\\"${'{'.repeat(100)}"]}`), [400, 'invalid_request'], 'text')
  const other = await app.inject({ method: 'POST', url: '/predict', payload: `{"inputs":${'['.repeat(20)}` })
  t.match(other.json(), { error: /^body_too_complex: /, error_type: 'Validation' }, 'in the words of the contract')
})

t.test('depth and values of any JSON are counted as they are', async (t) => {
  const limits = { maxJsonDepth: Infinity, maxJsonValues: Infinity }
  const passes = (text: string, bound: object) => {
    try {
      requireModestJson(Buffer.from(text), { ...limits, ...bound })
      return true
    } catch (error) {
      return !(error instanceof ArmormError && error.code === 'body_too_complex')
    }
  }
  const measure = (value: unknown): [number, number] => {
    if (typeof value === 'string') return [0, 1]
    if (typeof value !== 'object' || value === null) return [0, 0]
    const inner = Object.values(value).map(measure)
    const keys = Array.isArray(value) ? 0 : Object.keys(value).length
    return [1 + Math.max(0, ...inner.map(([d]) => d)), 1 + keys + inner.reduce((sum, [, n]) => sum + n, 0)]
  }
  fc.assert(
    fc.property(fc.json(), (text) => {
      const [depth, values] = measure(JSON.parse(text))
      t.ok(passes(text, { maxJsonDepth: depth, maxJsonValues: values }))
      if (depth > 0) t.notOk(passes(text, { maxJsonDepth: depth - 1 }))
      if (values > 0) t.notOk(passes(text, { maxJsonValues: values - 1 }))
    })
  )
})

t.test('a large body that is no JSON is refused without a search for the place', async (t) => {
  const app = await fakeApp(t, { limits: { bodyLimit: 1 << 26 } })
  const payload = `[${'1,'.repeat(1 << 24)}x]`
  const reply = await app.inject({ method: 'POST', url: '/score', payload, headers: { 'content-type': 'text/json' } })
  t.match(reply.json(), { error: { code: 'invalid_json', details: {} } })
})
