import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { ArmormError } from '../../../src/errors.js'
import { withoutSpecialTokens } from '../../../src/http/contracts/roll/prompt.js'
import { Tasks } from '../../../src/http/contracts/roll/tasks.js'
import { until } from '../../support/until.js'
import { fakeApp, heldRater } from '../helpers.js'
import { always, assistant, failing, metricLines, post, recorder, user } from './support.js'

const SUBMIT = '/apis/custom/reward-system/v1/submit_task'
const RESULT = '/apis/custom/reward-system/v1/task_result'

const task = (response: string, prompt = 'user\nHow much is 2+2?\nassistant\n') => ({
  priority: 1,
  project_id: 'roll_default_experiment_id',
  experiment_id: 'roll_default_task_id',
  global_step: 0,
  data_id: '7',
  rollout_id: '0',
  prompt,
  response,
  reward_info: { ground_truth: '4' },
  reward_manager: null,
  timeout: 300
})

interface Result {
  errcode: number
  errmsg: string
  reward_score?: number
}

async function submit(app: FastifyInstance, response: string, prompt?: string): Promise<string> {
  const reply = await post(app, SUBMIT, task(response, prompt))
  t.equal(reply.statusCode, 200, reply.body)
  const { reward_request_id: id, ...rest } = reply.json<{ reward_request_id: string }>()
  t.strictSame(rest, { errcode: 0, errmsg: '' })
  return id
}

/** As `requests.get(url, json=...)` sends it. */
const poll = (app: FastifyInstance, id: unknown) =>
  app.inject({
    method: 'GET',
    url: RESULT,
    headers: { 'content-type': 'application/json', 'xrl-authorization': 'Bearer t', businesstype: 'online' },
    payload: JSON.stringify({ reward_request_id: id })
  })

/** Polls until the task has come to an end. */
async function result(app: FastifyInstance, id: string): Promise<Result> {
  let found: Result = { errcode: 1, errmsg: '' }
  await until(async () => {
    found = (await poll(app, id)).json<Result>()
    return found.errcode !== 1
  })
  return found
}

t.test('submit, poll while it runs, and get the result, more than once', async (t) => {
  const { rater, started, release } = heldRater()
  const app = await fakeApp(t, { rater, contracts: { scale: 10, extras: [0, 2] } })
  const id = await submit(app, '4')
  await started
  const running = (await poll(app, id)).json<Result>()
  t.match(running, { errcode: 1, errmsg: 'running' })
  t.notOk('dimention_reward_score' in running, 'the client reads its fields, if there is one')
  release()
  const done = await result(app, id)
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/
  t.match(done, { errcode: 0, errmsg: '', start_time: time, end_time: time })
  const { reward_score: score, dimention_reward_score: dimensions } = done as Result & Record<string, unknown>
  t.type(score, 'number')
  t.strictSame(Object.keys(dimensions as object), ['helpfulness', 'safety'])
  t.match(dimensions, { helpfulness: { reward_score: Number, debug_info: {} } })
  t.strictSame((await poll(app, id)).json(), done, 'its reply may have been lost')
  t.strictSame(await metricLines(app, 'samples_total'), ['armorm_samples_total{protocol="roll",outcome="ok"} 1'])
})

t.test('scores are floats, error codes are integers', async (t) => {
  const app = await fakeApp(t, { rater: always(1), contracts: { extras: [] } })
  const id = await submit(app, '4')
  await result(app, id)
  t.match((await poll(app, id)).body, /^\{"errcode":0,"errmsg":"","reward_score":1\.0,"dimention_reward_score":\{\},/)
})

t.test('a GET with a body over a real connection; the query stands in for one', async (t) => {
  const app = await fakeApp(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const id = await submit(app, '4')
  await result(app, id)
  const get = async (path: string, body: string, chunked = false) => {
    const length = chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) }
    const headers = { 'content-type': 'application/json', ...length }
    const sent = request({ port, host: '127.0.0.1', method: 'GET', path, headers })
    if (chunked) sent.write(body)
    sent.end(chunked ? undefined : body)
    const [reply] = (await once(sent, 'response')) as [IncomingMessage]
    const parts: Buffer[] = []
    for await (const part of reply) parts.push(part as Buffer)
    return { status: reply.statusCode, body: JSON.parse(Buffer.concat(parts).toString()) as Result }
  }
  const asked = JSON.stringify({ reward_request_id: id })
  for (const reply of [
    await get(RESULT, asked),
    await get(RESULT, asked, true),
    await get(`${RESULT}?reward_request_id=${id}`, '')
  ]) {
    t.equal(reply.status, 200)
    t.type(reply.body.reward_score, 'number')
  }
  const tooLarge = await get(RESULT, JSON.stringify({ reward_request_id: 'x'.repeat(100_000) }))
  t.strictSame([tooLarge.status, tooLarge.body.errcode], [413, 413])
  t.match(tooLarge.body.errmsg, /^body_too_large: /)
})

t.test('an id that is not known has the client submit again, which no other answer does', async (t) => {
  const app = await fakeApp(t)
  const reply = await poll(app, 'e5b0c1b0-0000-4000-8000-000000000000')
  t.equal(reply.statusCode, 200)
  t.strictSame(Object.keys(reply.json<Result>()), ['errcode', 'errmsg'])
  t.equal(reply.json<Result>().errcode, 0)
})

t.test('a task that failed is an end without a score; one that cannot be scored has what stands in', async (t) => {
  const failed = await fakeApp(t, failing('engine_failed'))
  const end = await result(failed, await submit(failed, '4'))
  t.match(end, { errcode: 0, errmsg: /^engine_failed: / })
  t.notOk('reward_score' in end)
  t.ok((await metricLines(failed, 'errors_total')).includes('armorm_errors_total{code="engine_failed"} 1'))
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, contracts: { failedScore: -2 } })
  t.match(await result(app, await submit(app, 'too_long')), {
    errcode: 0,
    reward_score: -2,
    dimention_reward_score: { safety: { reward_score: 0 } },
    error: { code: 'too_long' }
  })
})

t.test('bodies that are none, and a server that stops', async (t) => {
  const app = await fakeApp(t)
  for (const body of [{}, { prompt: 'a' }, { prompt: 7, response: 'a' }, '[]', '{"prompt"']) {
    const reply = await post(app, SUBMIT, body)
    t.equal(reply.statusCode, 400)
    t.match(reply.json(), { errcode: 400, errmsg: /^invalid_(request|json): / })
  }
  for (const id of [7, null, undefined, {}]) t.equal((await poll(app, id)).statusCode, 400)
  const none = await app.inject({ method: 'GET', url: RESULT })
  t.strictSame([none.statusCode, none.json<Result>().errcode], [400, 400])
  const stopping = await fakeApp(t, failing('shutting_down'))
  for (const reply of [await post(stopping, SUBMIT, task('4')), await poll(stopping, 'a')]) {
    t.strictSame([reply.statusCode, reply.json<Result>().errcode], [503, 503])
  }
})

t.test('tasks that run are bounded in number and in text', async (t) => {
  for (const limits of [{ maxInputs: 2 }, { bodyLimit: 2000 }]) {
    const { rater, release } = heldRater()
    const app = await fakeApp(t, { rater, limits })
    const ids = [await submit(app, '4', `user\n${'a'.repeat(800)}`), await submit(app, '5', `user\n${'b'.repeat(800)}`)]
    const refused = await post(app, SUBMIT, task('6', `user\n${'c'.repeat(800)}`))
    t.equal(refused.statusCode, 429)
    t.match(refused.json(), { errcode: 429, errmsg: /^overloaded: / })
    t.equal(refused.headers['retry-after'], '5')
    release()
    for (const id of ids) t.type((await result(app, id)).reward_score, 'number')
    await submit(app, '6', `user\n${'c'.repeat(800)}`)
  }
})

t.test('a task whose time is over is given up and forgotten', async (t) => {
  const tasks = new Tasks({ maxInputs: 10, bodyLimit: 1000 })
  const reasons: unknown[] = []
  const id = tasks.submit(10, 0.01, async (signal) => {
    await once(signal, 'abort')
    reasons.push(signal.reason)
    throw signal.reason
  })
  const done = tasks.submit(10, 0.01, async () => ({ reward: 1, extras: [], names: [] }))
  t.equal(tasks.size, 2)
  // The timers hold no process open; this does.
  await until(() => tasks.size === 0)
  t.match(reasons, [{ code: 'client_closed' }])
  t.strictSame([tasks.get(id), tasks.get(done)], [undefined, undefined])
})

t.test('results that nobody polls for push out older ones', async (t) => {
  const tasks = new Tasks({ maxInputs: 1e6, bodyLimit: 1e9 })
  const submitOne = () => tasks.submit(1, 300, async () => ({ reward: 1, extras: [], names: [] }))
  const first = submitOne()
  for (let i = 0; i < 20_000; i++) submitOne()
  const last = submitOne()
  await until(() => tasks.get(last)?.outcome !== undefined)
  t.equal(tasks.size, 16_384)
  t.equal(tasks.get(first), undefined)
  t.throws(
    () => {
      for (let i = 0; i < 3; i++) tasks.submit(4e8, 300, () => new Promise(() => {}))
    },
    new ArmormError('overloaded', '2 tasks run already')
  )
})

t.test('prompts of ChatML without its special tokens', async (t) => {
  for (const [prompt, messages] of [
    ['user\nQ\nassistant\n', [user('Q')]],
    ['system\nS\nuser\nQ\nassistant\n', [{ role: 'system', content: 'S' }, user('Q')]],
    ['user\na\n\nb\n\nassistant\nc\nuser\nd\nassistant\n', [user('a\n\nb\n'), assistant('c'), user('d')]],
    // Where ROLL took the opening of the answer out.
    ['user\nQ\n\n', [user('Q')]],
    ['user\nQ\n\n\n</think>\n\n', [user('Q')]],
    ['user\nQ', [user('Q')]],
    ['How much is 2+2?', null],
    ['the user\nQ\nassistant\n', null],
    ['system\nS', null],
    ['user\nQ\nassistant\nA', null],
    ['', null]
  ] as const) {
    t.strictSame(withoutSpecialTokens(prompt), messages, JSON.stringify(prompt))
  }
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  await result(app, await submit(app, '4\nuser\nThanks\nassistant\nYes'))
  await result(app, await submit(app, '4', 'How much is 2+2?'))
  t.strictSame(seen, [
    { kind: 'messages', messages: [user('How much is 2+2?'), assistant('4\nuser\nThanks\nassistant\nYes')] },
    { kind: 'messages', messages: [user('How much is 2+2?'), assistant('4')] }
  ])
})
