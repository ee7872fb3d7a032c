import t from 'tap'
import { fakeApp } from '../helpers.js'
import { always, assistant, failing, metricLines, post, PROMPT, recorder, TEXT, user } from './support.js'

interface Reply {
  data: { probs: number[]; data: number[] | string; error?: { code: string } }[]
}

const usage = {
  prompt_tokens: 17,
  total_tokens: 17,
  completion_tokens: 0,
  prompt_tokens_details: null,
  completion_tokens_details: null
}

t.test("verl's request: the reward is the last of `probs`", async (t) => {
  const app = await fakeApp(t, { rater: always(0.1169), contracts: { scale: 10, offset: 1 } })
  const body = { model: '/models/my-rm', input: TEXT, use_activation: false }
  const reply = await app.inject({ method: 'POST', url: '/classify', headers: { 'x-request-id': '7' }, payload: body })
  t.equal(reply.statusCode, 200)
  const { created, ...rest } = reply.json<{ created: number }>()
  t.ok(Number.isInteger(created))
  t.strictSame(rest, {
    id: 'classify-7',
    object: 'list',
    model: 'tiny',
    data: [{ index: 0, label: 'score', probs: [0.75, 0.5, -0.25, 2.169], num_classes: 4 }],
    usage
  })
  t.strictSame(await metricLines(app, 'samples_total'), ['armorm_samples_total{protocol="vllm",outcome="ok"} 1'])
})

t.test('both names of the activation are honoured; nothing said means raw', async (t) => {
  const app = await fakeApp(t, { rater: always(0.1169), contracts: { extras: [] } })
  const last = async (fields: object) =>
    (await post(app, '/classify', { input: TEXT, ...fields })).json<Reply>().data[0]?.probs
  for (const raw of [{}, { use_activation: false }, { activation: false }, { use_activation: null }]) {
    t.strictSame(await last(raw), [0.1169], JSON.stringify(raw))
  }
  for (const calibrated of [
    { use_activation: true },
    { activation: true },
    { use_activation: null, activation: true }
  ]) {
    t.strictSame(await last(calibrated), [0.529191764], JSON.stringify(calibrated))
  }
  t.strictSame(await last({ use_activation: false, activation: true }), [0.1169], 'the newer name decides')
})

t.test('texts, token ids, messages', async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  const messages = [user('How much is 2+2?'), assistant('4')]
  const asked: [object, number][] = [
    [{ input: [TEXT, TEXT] }, 2],
    [{ input: [1, 2, 3] }, 1],
    [{ input: [[1, 2], [3]] }, 2],
    [{ messages, add_generation_prompt: false, chat_template: null }, 1],
    [
      {
        messages: [
          user('a'),
          {
            role: 'assistant',
            content: [
              { type: 'text', text: 'b' },
              { type: 'text', text: 'c' }
            ]
          }
        ]
      },
      1
    ]
  ]
  for (const [body, count] of asked) {
    const reply = await post(app, '/classify', { model: 'm', unheard_of: 1, ...body })
    t.equal(reply.json<Reply>().data.length, count, reply.body)
  }
  const conversation = { kind: 'messages', messages }
  t.strictSame(seen, [
    conversation,
    conversation,
    { kind: 'ids', ids: [1, 2, 3] },
    { kind: 'ids', ids: [1, 2] },
    { kind: 'ids', ids: [3] },
    conversation,
    { kind: 'messages', messages: [user('a'), assistant('bc')] }
  ])
})

t.test('/pooling has the same numbers, also in base64', async (t) => {
  const app = await fakeApp(t, { rater: always(0.5) })
  const reply = await post(app, '/pooling', { model: 'm', input: TEXT, task: 'classify' })
  t.match(reply.json(), {
    id: /^pooling-/,
    object: 'list',
    model: 'tiny',
    data: [{ index: 0, object: 'pooling', data: [0.75, 0.5, -0.25, 0.5] }],
    usage
  })
  const encoded = await post(app, '/pooling', { input: TEXT, encoding_format: 'base64', task: null })
  const bytes = Buffer.from(String(encoded.json<Reply>().data[0]?.data), 'base64')
  t.strictSame(
    [0, 4, 8, 12].map((at) => bytes.readFloatLE(at)),
    [0.75, 0.5, -0.25, 0.5]
  )
  for (const [param, value] of [
    ['task', 'reward'],
    ['task', 'token_classify'],
    ['encoding_format', 'bytes'],
    ['embed_dtype', 'float16'],
    ['endianness', 'big']
  ] as const) {
    const refused = await post(app, '/pooling', { input: TEXT, [param]: value })
    t.equal(refused.statusCode, 400)
    t.match(refused.json(), { error: { type: 'BadRequestError', param, code: 400 } })
  }
})

t.test('an item that cannot be scored says so beside the numbers that stand in', async (t) => {
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, rater: always(0.5), contracts: { failedScore: -2 } })
  const picture = [user('a'), { role: 'assistant', content: [{ type: 'image_url', image_url: {} }] }]
  for (const [body, code] of [
    [{ input: [`${PROMPT}too_long<|im_end|>\n`] }, 'too_long'],
    [{ messages: picture }, 'invalid_conversation']
  ] as const) {
    const [item] = (await post(app, '/classify', body)).json<Reply>().data
    t.strictSame(item?.probs, [0, 0, 0, -2])
    t.equal(item?.error?.code, code)
  }
})

t.test("errors have vLLM's form; what may be tried again is 5xx", async (t) => {
  const app = await fakeApp(t)
  for (const [body, message] of [
    [{ input: [] }, 'You must pass at least one prompt'],
    [{ model: 'm' }, 'the body must have "input" or "messages"'],
    [{ input: { a: 1 } }, /\/input must be/],
    ['{', /not valid JSON/],
    ['[]', /must be object/]
  ] as const) {
    const reply = await post(app, '/classify', body)
    t.equal(reply.statusCode, 400)
    t.match(reply.json(), { error: { message, type: 'BadRequestError', param: null, code: 400 } })
  }
  for (const [code, type, status] of [
    ['engine_failed', 'InternalServerError', 500],
    ['engine_unavailable', 'ServiceUnavailableError', 503],
    ['shutting_down', 'ServiceUnavailableError', 503]
  ] as const) {
    const reply = await post(await fakeApp(t, failing(code)), '/classify', { input: TEXT })
    t.strictSame([reply.statusCode, Object.keys(reply.json())], [status, ['error']])
    t.match(reply.json(), { error: { type, code: status } })
  }
})
