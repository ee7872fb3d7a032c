import t from 'tap'
import { fakeApp } from '../http/helpers.js'
import { overloaded, score, text } from '../support/overload.js'
import { connected, portOf, received, replyOf } from '../support/raw-client.js'

t.test('conversations of a request: as many as the limit, and one more, on every contract with lists', async (t) => {
  const app = await fakeApp(t, { limits: { maxInputs: 2 } })
  const list = <T>(n: number, item: T) => Array.from({ length: n }, () => item)
  const text = '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>'
  const requests: readonly (readonly [string, (n: number) => object])[] = [
    ['/score', (n) => ({ inputs: list(n, { text }) })],
    ['/score', (n) => ({ inputs: [{ prompt: 'a', responses: list(n, 'b') }] })],
    ['/score', (n) => ({ text_1: 'a', text_2: list(n, 'b') })],
    ['/get_reward', (n) => ({ query: list(n, text), prompts: list(n, 'a') })],
    ['/v1/score/evaluation', (n) => ({ model: 'm', messages: list(n, text) })],
    ['/classify', (n) => ({ input: list(n, text) })],
    ['/v1/embeddings', (n) => ({ input: list(n, text) })],
    ['/rerank', (n) => ({ query: 'a', documents: list(n, 'b') })],
    ['/rerank', (n) => ({ query: 'a', texts: list(n, 'b') })],
    ['/predict', (n) => ({ inputs: list(n, ['a', 'b']) })],
    ['/v1/models/tiny:predict', (n) => ({ instances: list(n, { prompt: 'a', response: 'b' }) })],
    [
      '/v2/models/tiny/infer',
      (n) => ({ inputs: [{ name: 'text', datatype: 'BYTES', shape: [n], data: list(n, text) }] })
    ]
  ]
  for (const [url, bodyOf] of requests) {
    const status = async (n: number) => (await app.inject({ method: 'POST', url, payload: bodyOf(n) })).statusCode
    t.equal(await status(2), 200, url)
    t.equal(await status(3), 413, url)
  }
})

t.test('tokens of a request: as many as the limit, and one more; repeats count, refused work never runs', async (t) => {
  const { app, batches, runAll } = await overloaded(t, { maxRequestTokens: 20 })
  runAll()
  t.equal((await score(app, [text('a', 10), text('b', 10)])).statusCode, 200)
  const ran = batches.length
  for (const second of [text('c', 11), text('b', 10) + '.']) {
    const refused = await score(app, [text('a', 10), second])
    t.equal(refused.statusCode, 413)
    t.match(refused.json(), { error: { code: 'too_many_tokens', details: { tokens: 21, limit: 20 } } })
  }
  t.equal((await score(app, [text('a', 10), text('b', 10), text('a', 1)])).statusCode, 413)
  t.equal(batches.length, ran)
  const unbounded = await overloaded(t)
  unbounded.runAll()
  t.equal((await score(unbounded.app, [text('a', 50), text('b', 50)])).statusCode, 200)
})

t.test('URL and headers: as many bytes as the limit, and more', async (t) => {
  const app = await fakeApp(t, { limits: { maxHeaderBytes: 2000 } })
  const port = await portOf(app)
  const ask = async (url: string, header: string) => {
    const socket = await connected(port)
    socket.write(`GET ${url} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Filler: ${header}\r\n\r\n`)
    const { status, body } = replyOf(await received(socket))
    return [status, status === 200 ? '' : (JSON.parse(body) as { error: { code: string } }).error.code]
  }
  t.strictSame(await ask('/v1/models', 'x'.repeat(1800)), [200, ''])
  t.strictSame(await ask('/v1/models', 'x'.repeat(2100)), [431, 'headers_too_large'])
  const url = (n: number) => `/explain?prompt=${'a'.repeat(60)}&response=b&model=${'x'.repeat(n)}`
  t.equal((await ask(url(200), ''))[0], 404, 'read, and found to be of another model')
  t.strictSame(await ask(url(2100), ''), [431, 'headers_too_large'])
})
