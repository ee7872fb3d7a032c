import t from 'tap'
import { fakeApp } from '../helpers.js'
import { always, failing, metricLines, post, PROMPT, recorder, TEXT } from './support.js'

interface Item {
  embedding: number[] | string
  meta_info: { id: string; prompt_tokens: number }
  error?: { code: string }
}

t.test("verl's request: the reward is the last of `embedding`", async (t) => {
  const app = await fakeApp(t, { rater: always(0.1169), contracts: { scale: 10, offset: 1 } })
  const reply = await post(app, '/v1/embeddings', { model: '/models/my-rm', input: TEXT })
  t.equal(reply.statusCode, 200)
  t.strictSame(reply.json(), {
    object: 'list',
    data: [{ object: 'embedding', embedding: [0.75, 0.5, -0.25, 2.169], index: 0 }],
    model: 'tiny',
    usage: { prompt_tokens: 17, total_tokens: 17 }
  })
  t.strictSame(await metricLines(app, 'samples_total'), ['armorm_samples_total{protocol="sglang",outcome="ok"} 1'])
})

t.test("base64, which OpenAI's client asks for", async (t) => {
  const app = await fakeApp(t, { rater: always(0.5), contracts: { extras: [] } })
  const reply = await post(app, '/v1/embeddings', { input: [TEXT, TEXT], encoding_format: 'base64' })
  const { data } = reply.json<{ data: Item[] }>()
  t.strictSame(
    data.map(({ embedding }) => Buffer.from(String(embedding), 'base64').readFloatLE(0)),
    [0.5, 0.5]
  )
})

t.test('native /classify: one text has an object, a list has a list; PUT is taken too', async (t) => {
  const app = await fakeApp(t, { rater: always(0.5) })
  for (const [body, many] of [
    [{ text: TEXT, rid: 'a' }, false],
    [{ text: [TEXT, TEXT], rid: ['a', 'b'] }, true],
    [{ input_ids: [1, 2, 3] }, false],
    [{ input_ids: [[1, 2, 3]] }, true]
  ] as const) {
    const reply = await post(app, '/classify', body)
    t.equal(reply.statusCode, 200, reply.body)
    const items = reply.json<Item | Item[]>()
    t.equal(Array.isArray(items), many)
    for (const { embedding, meta_info: meta } of [items].flat()) {
      t.strictSame(embedding, [0.75, 0.5, -0.25, 0.5])
      t.ok(meta.prompt_tokens > 0)
    }
  }
  const put = await app.inject({ method: 'PUT', url: '/classify', payload: { text: TEXT, rid: 'mine' } })
  t.match(put.json(), { embedding: Array, meta_info: { id: 'mine', finish_reason: null, e2e_latency: Number } })
  t.ok((await metricLines(app, 'samples_total')).every((line) => line.includes('protocol="sglang"')))
})

t.test('an item that cannot be scored says so beside the numbers that stand in', async (t) => {
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, rater: always(0.5), contracts: { failedScore: -2 } })
  const reply = await post(app, '/classify', { text: [TEXT, `${PROMPT}too_long<|im_end|>\n`] })
  t.match(reply.json(), [
    { embedding: [0.75, 0.5, -0.25, 0.5] },
    { embedding: [0, 0, 0, -2], error: { code: 'too_long' } }
  ])
})

t.test('errors have its form; what may be tried again is 5xx', async (t) => {
  const app = await fakeApp(t)
  for (const [url, body] of [
    ['/classify', { text: [] }],
    ['/classify', { text: 7 }],
    ['/classify', { text: null, input_ids: null }],
    ['/v1/embeddings', {}],
    ['/v1/embeddings', { input: [] }],
    ['/v1/embeddings', { input: TEXT, encoding_format: 'hex' }],
    ['/v1/embeddings', '{"input":']
  ] as const) {
    const reply = await post(app, url, body)
    t.equal(reply.statusCode, 400, reply.body)
    t.strictSame(Object.keys(reply.json<{ error: object }>().error), ['message', 'code'])
  }
  for (const code of ['engine_failed', 'shutting_down'] as const) {
    const reply = await post(await fakeApp(t, failing(code)), '/v1/embeddings', { input: TEXT })
    t.equal(reply.statusCode, code === 'shutting_down' ? 503 : 500)
    t.match(reply.json(), { error: { code } })
  }
})
