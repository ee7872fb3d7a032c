import t from 'tap'
import { fakeApp } from '../helpers.js'
import { always, assistant, failing, post, PROMPT, recorder, TEXT, user } from './support.js'

const URL = '/v1/score/evaluation'

t.test("the trainer's request: one score a text, in order, in the server's own reply", async (t) => {
  const app = await fakeApp(t, { rater: always(1.25), contracts: { scale: 2, offset: 0.5 } })
  const reply = await app.inject({
    method: 'POST',
    url: URL,
    headers: { 'x-request-id': 'abc' },
    payload: { model: 'model', messages: ['<s>[INST] q [/INST] a</s>', TEXT], max_length: null }
  })
  t.equal(reply.statusCode, 200)
  t.match(reply.json(), {
    id: 'scoreval-abc',
    object: 'score.evaluation',
    model: 'tiny',
    scores: [Number, 3]
  })
})

t.test('texts are whole conversations', async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  await post(app, URL, { messages: [TEXT] })
  t.strictSame(seen, [{ kind: 'messages', messages: [user('How much is 2+2?'), assistant('4')] }])
})

t.test('a text that cannot be scored leaves the list as long as the request', async (t) => {
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, rater: always(1.25), contracts: { failedScore: -1 } })
  const reply = await post(app, URL, { model: 'model', messages: [TEXT, `${PROMPT}too_long<|im_end|>`, TEXT] })
  t.equal(reply.statusCode, 200)
  t.match(reply.json(), { scores: [1.25, -1, 1.25], errors: [{ index: 1, code: 'too_long' }] })
})

t.test('errors have its form, and never scores', async (t) => {
  const app = await fakeApp(t)
  for (const body of [{ messages: [] }, {}, { messages: 'text' }, { messages: [[user('a')]] }, '{"mess', '7']) {
    const reply = await post(app, URL, body)
    t.equal(reply.statusCode, 400, JSON.stringify(body))
    const { detail, ...rest } = reply.json<{ detail: string }>()
    t.match(detail, /^invalid_(request|json): /)
    t.strictSame(rest, {})
  }
  for (const code of ['engine_failed', 'shutting_down'] as const) {
    const failed = await fakeApp(t, failing(code))
    const reply = await post(failed, URL, { messages: [TEXT] })
    t.equal(reply.statusCode, code === 'shutting_down' ? 503 : 500)
    t.match(reply.json(), { detail: new RegExp(`^${code}: `) })
  }
})
