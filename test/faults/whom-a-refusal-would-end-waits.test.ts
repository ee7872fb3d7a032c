/** Requests of contracts whose clients die of a refusal wait in line, in order, bounded, and no longer than their clients. */
import t, { type Test } from 'tap'
import { overloaded, type Overloaded, score, send, type Setting, text } from '../support/overload.js'
import { until } from '../support/until.js'
import { post } from '../http/contracts/support.js'

const reward = (app: Overloaded['app'], name: string, tokens: number) =>
  post(app, '/align-anything', { prompts: [text(name, tokens)], responses: ['x'] })

/** A server with a batch that runs and a full queue. */
async function full(t: Test, setting: Setting = {}) {
  const server = await overloaded(t, setting)
  const first = score(server.app, [text('running', 10)])
  await until(() => server.batches.length === 1)
  const second = score(server.app, [text('full', 100)])
  await until(() => server.queue.depth === 1)
  const others = Promise.all([first, second])
  return { ...server, others }
}

t.test('they are let in one after the other as room comes, and answered', async (t) => {
  const { app, admission, queue, batches, others, refusals } = await full(t)
  const requests = []
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    requests.push(reward(app, name, 59))
    await until(() => admission.lineRequests === i + 1)
  }
  t.equal(admission.lineBytes, 3 * 2 * 60)
  t.equal(queue.depth, 1)
  t.equal((await score(app, ['z'])).statusCode, 429, 'nobody else overtakes them')
  batches[0]!.end()
  await until(() => batches.length === 2)
  await until(() => queue.depth === 1)
  t.equal(admission.lineRequests, 2, 'two do not fit')
  for (let i = 1; i < 5; i++) {
    await until(() => batches.length > i)
    batches[i]!.end()
  }
  for (const request of requests) t.equal((await request).statusCode, 200)
  await others
  t.strictSame(
    batches.flatMap(({ texts }) => texts.map((each) => each[0])),
    ['r', 'f', 'a', 'b', 'c']
  )
  t.strictSame([admission.lineRequests, admission.lineBytes, admission.reservedTokens], [0, 0, 0])
  t.strictSame(refusals, ['tokens'])
})

t.test('the line is bounded in requests and in bytes', async (t) => {
  for (const setting of [{ maxLineRequests: 2 }, { maxLineBytes: 250 }]) {
    const { app, admission, refusals } = await full(t, setting)
    void reward(app, 'a', 59)
    void reward(app, 'b', 59)
    await until(() => admission.lineRequests === 2)
    const refused = await reward(app, 'c', 59)
    t.equal(refused.statusCode, 429)
    t.match(refused.body, 'so is the line before it')
    t.ok(Number(refused.headers['retry-after']) >= 1)
    t.strictSame(refusals, ['line'])
  }
})

t.test('who leaves makes room in the line', async (t) => {
  const { app, admission, batches, queue } = await full(t)
  const socket = await send(app, '/align-anything', { prompts: [text('a', 59)], responses: ['x'] })
  await until(() => admission.lineRequests === 1)
  const next = reward(app, 'b', 59)
  await until(() => admission.lineRequests === 2)
  socket.destroy()
  await until(() => admission.lineRequests === 1)
  t.equal(admission.lineBytes, 2 * 60)
  for (let i = 0; i < 3; i++) {
    await until(() => batches.length > i)
    batches[i]!.end()
  }
  t.equal((await next).statusCode, 200)
  t.equal(queue.depth, 0)
  t.notOk(batches.some(({ texts }) => texts.some((each) => each.startsWith('a'))))
})

t.test('whose client will have gone by then is refused, though there is room', async (t) => {
  // At 2 tokens a second 90 tokens take 45 seconds; xtuner waits for 30, LLaMA-Factory without an end.
  const { app, queue, batches, refusals } = await overloaded(t, { tokensPerSecond: 2 })
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  void score(app, [text('waiting', 70)])
  await until(() => queue.depth === 1)
  t.equal((await post(app, '/xtuner', { response: 'a', label: { prompt: 'b' } })).statusCode, 429)
  t.strictSame(refusals, ['deadline'])
  const chat = '<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n'
  void post(app, '/v1/score/evaluation', { messages: [chat] })
  await until(() => queue.depth === 2)
})

t.test('the time that a request has ends its wait, too', async (t) => {
  const { app, admission } = await full(t)
  const reply = await app.inject({
    method: 'POST',
    url: '/align-anything',
    payload: { prompts: [text('a', 59)], responses: ['x'] },
    headers: { 'x-request-timeout-ms': '50' }
  })
  t.equal(reply.statusCode, 504)
  t.equal(admission.lineRequests, 0)
})
