import fc from 'fast-check'
import type { OutgoingHttpHeaders } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { jsonErrorOffset } from '../../src/http/json-error.js'
import { fakeApp } from './helpers.js'

const body = JSON.stringify({ inputs: [{ text: 'grüße 🙂' }], return: [] })

t.test('JSON is read whatever it is labelled as by clients that cannot say', async (t) => {
  const app = await fakeApp(t)
  const status = async (payload: string | Buffer, type?: string) => {
    const headers: OutgoingHttpHeaders = type === undefined ? {} : { 'content-type': type }
    return (await app.inject({ method: 'POST', url: '/score', payload, headers })).statusCode
  }
  t.equal(await status(body), 200, 'no label')
  for (const type of [
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/vnd.api+json',
    'text/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/octet-stream'
  ]) {
    t.equal(await status(body, type), 200, type)
    t.equal(await status(`\n ${body}`, type), 200, `${type}, after white space`)
    t.equal(await status(`\ufeff${body}`, type), 200, `${type}, with a byte order mark`)
  }
  t.equal(await status('inputs=a', 'application/x-www-form-urlencoded'), 415)
  t.equal(await status('{"inputs":', 'application/x-www-form-urlencoded'), 400, 'begins like an object: is read as one')
  t.equal(await status(body, 'multipart/form-data; boundary=x'), 415)
  t.equal(await status(body, 'application/jsonlines'), 415)
})

t.test('a compressed body is refused for what it is', async (t) => {
  const app = await fakeApp(t)
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const reply = await app.inject({ method: 'POST', url: '/score', payload: gzipSync(body), headers })
  t.equal(reply.statusCode, 415)
  t.match(reply.json(), { error: { code: 'unsupported_media_type', message: /compressed/ } })
})

t.test('the body must be UTF-8', async (t) => {
  const app = await fakeApp(t)
  const payload = Buffer.concat([Buffer.from('{"inputs":[{"text":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}]}')])
  const headers = { 'content-type': 'application/json' }
  const reply = await app.inject({ method: 'POST', url: '/score', payload, headers })
  t.equal(reply.statusCode, 400)
  t.match(reply.json(), { error: { code: 'invalid_json', message: /UTF-8/ } })
})

t.test('the body limit counts bytes, and the last one that fits fits', async (t) => {
  const bytes = Buffer.byteLength(body)
  for (const [bodyLimit, status] of [
    [bytes, 200],
    [bytes - 1, 413]
  ] as const) {
    const app = await fakeApp(t, { limits: { bodyLimit } })
    t.equal((await app.inject({ method: 'POST', url: '/score', payload: body })).statusCode, status)
  }
})

t.test('wrong JSON is answered with the place where it breaks, and without its text', async (t) => {
  const app = await fakeApp(t)
  const payload = '{\n  "inputs": ["private text" oops]\n}'
  const headers = { 'content-type': 'application/json' }
  const reply = await app.inject({ method: 'POST', url: '/score', payload, headers })
  t.match(reply.json(), {
    error: { code: 'invalid_json', message: /line 2, column 29/, details: { line: 2, column: 29 } }
  })
  t.notMatch(reply.body, /private|oops/)
  for (const [text, line, column] of [
    ['\n', 2, 1],
    ['x\n', 1, 1],
    ['\n\nx', 3, 1],
    ['{}\n x\n\n', 2, 2]
  ] as const) {
    const wrong = await app.inject({ method: 'POST', url: '/score', payload: text, headers })
    t.match(wrong.json(), { error: { details: { line, column } } }, JSON.stringify(text))
  }
})

t.test('the place of the error: a text is JSON exactly when there is none', async (t) => {
  const isJson = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  fc.assert(fc.property(fc.json(), (text) => jsonErrorOffset(text) === null))
  // Damaged JSON: one character replaced, removed or the end cut off.
  const damaged = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', '\\', '{', ']', ',', ':', '0', '.', 'e', '-', '\n', 't', 'x'))
    .map(([text, at, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + 1))
  fc.assert(
    fc.property(damaged, (text) => (jsonErrorOffset(text) === null) === isJson(text)),
    { numRuns: 2000 }
  )
  t.equal(jsonErrorOffset('{"a": 01}'), 7)
  t.equal(jsonErrorOffset('{"a": "b'), 8)
  t.equal(jsonErrorOffset('{"a": "\\x"}'), 7)
  t.equal(jsonErrorOffset('[1, 2,]'), 6)
  t.equal(jsonErrorOffset('{"a" 1}'), 5)
  t.equal(jsonErrorOffset('{} {}'), 3)
  t.equal(jsonErrorOffset(`${'['.repeat(200_000)}`), 200_000, 'deep nesting does not exhaust the stack')
})
