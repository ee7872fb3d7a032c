import t from 'tap'
import { fakeApp, manifest } from '../helpers.js'
import { always, assistant, failing, metricLines, post, recorder, user } from './support.js'

const URL = '/v1/chat/completions'
const messages = [user('How much is 2+2?'), assistant('4')]

interface Reply {
  choices: {
    message: { content: string }
    logprobs: { content: { token: string; logprob: number }[] }
    error?: { code: string }
  }[]
}

t.test("OpenAI's client and NeMo Curator's reading of it", async (t) => {
  const app = await fakeApp(t, { rater: always(0.1169), contracts: { scale: 10, offset: 1 } })
  const headers = { 'x-request-id': '7', authorization: 'Bearer none' }
  const reply = await app.inject({ method: 'POST', url: URL, headers, payload: { messages, model: 'nvidia/rm' } })
  t.equal(reply.statusCode, 200)
  const { created, ...rest } = reply.json<{ created: number }>()
  t.ok(Number.isInteger(created))
  const token = (name: string, logprob: number) => ({ token: name, logprob, bytes: null, top_logprobs: [] })
  t.strictSame(rest, {
    id: 'chatcmpl-7',
    object: 'chat.completion',
    model: 'tiny',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'helpfulness:0.75,verbosity:0.5,safety:-0.25,reward:2.169',
          refusal: null
        },
        logprobs: {
          content: [
            token('helpfulness', 0.75),
            token('verbosity', 0.5),
            token('safety', -0.25),
            token('reward', 2.169)
          ],
          refusal: null
        },
        finish_reason: 'stop'
      }
    ],
    usage: { prompt_tokens: 17, completion_tokens: 0, total_tokens: 17 }
  })
  t.strictSame(await metricLines(app, 'samples_total'), ['armorm_samples_total{protocol="nemotron",outcome="ok"} 1'])
})

t.test('the content splits at commas and colons, whatever objectives are called', async (t) => {
  const app = await fakeApp(t, { rater: always(1e-7) })
  const { content } = (await post(app, URL, { messages })).json<Reply>().choices[0]!.message
  const pairs = content.split(',').map((pair) => pair.split(':'))
  t.strictSame(
    pairs.map(([name]) => name),
    [...manifest.objectives.map(({ name }) => name), 'reward']
  )
  t.equal(Number(pairs.at(-1)?.[1]), 1e-7)
  const alone = await fakeApp(t, { rater: always(0.5), contracts: { extras: [] } })
  t.equal((await post(alone, URL, { messages })).json<Reply>().choices[0]?.message.content, 'reward:0.5')
})

t.test('what a request says of sampling is not looked at; a stream and more choices are refused', async (t) => {
  const app = await fakeApp(t)
  const sampling = {
    max_tokens: 1,
    max_completion_tokens: 4,
    temperature: 0,
    top_p: 0.5,
    seed: 1,
    stop: ['a'],
    logprobs: true,
    top_logprobs: 5,
    tools: [],
    response_format: { type: 'text' }
  }
  for (const fields of [sampling, { n: 1 }, { n: null }, { stream: false }, { stream: null }]) {
    t.equal((await post(app, URL, { messages, ...fields })).statusCode, 200, JSON.stringify(fields))
  }
  for (const [param, value] of [
    ['stream', true],
    ['stream', 'true'],
    ['n', 2],
    ['n', 0],
    ['n', '1']
  ] as const) {
    const reply = await post(app, URL, { messages, [param]: value })
    t.equal(reply.statusCode, 400)
    t.match(reply.json(), {
      error: {
        message: new RegExp(`^"${param}" must be`),
        type: 'invalid_request_error',
        param,
        code: 'invalid_request'
      }
    })
  }
})

t.test('an answer that cannot be scored has the numbers that stand in', async (t) => {
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, rater: always(NaN), contracts: { failedScore: -2 } })
  const picture = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'a' } }] }
  for (const [given, code] of [
    [[user('a'), assistant('too_long')], 'too_long'],
    [[picture, assistant('a')], 'invalid_conversation'],
    [messages, 'non_finite']
  ] as const) {
    const reply = await post(app, URL, { messages: given })
    t.equal(reply.statusCode, 200)
    const choice = reply.json<Reply>().choices[0]
    t.equal(choice?.error?.code, code)
    t.strictSame(
      choice?.logprobs.content.map(({ logprob }) => logprob),
      [0, 0, 0, -2]
    )
  }
})

t.test("errors have OpenAI's form", async (t) => {
  const app = await fakeApp(t)
  for (const body of [{}, { messages: 'a' }, { messages: [{ content: 'a' }] }, { messages: [7] }, '{', '"a"']) {
    const reply = await post(app, URL, body)
    t.equal(reply.statusCode, 400)
    const { error } = reply.json<{ error: Record<string, unknown> }>()
    t.strictSame(Object.keys(error), ['message', 'type', 'param', 'code'])
    t.match(error, { type: 'invalid_request_error', param: null })
  }
  for (const [code, status] of [
    ['engine_failed', 500],
    ['engine_unavailable', 503],
    ['shutting_down', 503]
  ] as const) {
    const reply = await post(await fakeApp(t, failing(code)), URL, { messages })
    t.equal(reply.statusCode, status)
    t.match(reply.json(), { error: { type: 'server_error', code } })
  }
})
