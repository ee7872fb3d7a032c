import t from 'tap'
import { fakeApp } from '../helpers.js'
import { always, assistant, failing, metricLines, post, PROMPT, recorder, user } from './support.js'

const URL = '/align-anything'

t.test("the client's request: rewards in order, floats, status 200", async (t) => {
  const app = await fakeApp(t, { rater: always(1) })
  const reply = await post(app, URL, { prompts: [PROMPT, 'How much is 2+2?'], responses: ['4', '4'] })
  t.equal(reply.statusCode, 200)
  t.equal(reply.body, '{"rewards":[1.0,1.0]}', 'whole numbers alone would become a tensor of integers')
  t.match(await metricLines(app, 'samples_total'), ['armorm_samples_total{protocol="align-anything",outcome="ok"} 2'])
  t.equal((await post(app, URL, { prompts: [], responses: [] })).body, '{"rewards":[]}')
})

t.test('each pair is one question and one answer', async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  const { rewards } = (
    await post(app, URL, { prompts: ['a', PROMPT], responses: ['b'.repeat(5), '4<|im_end|>'] })
  ).json<{ rewards: number[] }>()
  t.strictSame(seen, [
    { kind: 'messages', messages: [user('a'), assistant('bbbbb')] },
    { kind: 'messages', messages: [user('How much is 2+2?'), assistant('4')] }
  ])
  const [alone] = (await post(app, URL, { prompts: [PROMPT], responses: ['4<|im_end|>'] })).json<{
    rewards: number[]
  }>().rewards
  t.equal(rewards[1], alone)
})

t.test('a pair that cannot be scored fails alone', async (t) => {
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, rater: always(0.5), contracts: { failedScore: -2 } })
  const reply = await post(app, URL, { prompts: ['a', 'a', 'a'], responses: ['b', 'too_long', 'b'] })
  t.equal(
    reply.body,
    '{"rewards":[0.5,-2.0,0.5],"errors":[{"index":1,"code":"too_long","message":"it has 300 tokens"}]}'
  )
})

t.test('hostile bodies, and errors of the server', async (t) => {
  const app = await fakeApp(t, { limits: { maxInputs: 2 } })
  for (const [body, status] of [
    [{}, 400],
    [{ prompts: ['a'] }, 400],
    [{ prompts: 'a', responses: 'b' }, 400],
    [{ prompts: ['a'], responses: [] }, 400],
    [{ prompts: [1], responses: [2] }, 400],
    [{ prompts: ['a', 'b', 'c'], responses: ['a', 'b', 'c'] }, 413]
  ] as const) {
    t.equal((await post(app, URL, body)).statusCode, status, JSON.stringify(body))
  }
  const failed = await post(await fakeApp(t, failing('engine_failed')), URL, { prompts: ['a'], responses: ['b'] })
  t.equal(failed.statusCode, 500)
})
