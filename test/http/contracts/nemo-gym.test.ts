import fc from 'fast-check'
import t from 'tap'
import { ArmormError } from '../../../src/errors.js'
import { components } from '../../../src/http/contracts/nemo-gym/components.js'
import { decimal } from '../../../src/decimal.js'
import { fakeApp, fakeServices, manifest } from '../helpers.js'
import { assistant, failing, metricLines, post, recorder, user } from './support.js'

const URL = '/verify'
const NAMES = manifest.objectives.map(({ name }) => name)
const message = (text: string) => ({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text, annotations: [] }]
})
const rollout = (output: object[], input: unknown = [user('How much is 2+2?')], params: object = {}) => ({
  responses_create_params: { input, ...params },
  response: { id: 'resp_1', object: 'response', created_at: 0, model: 'policy', output, tools: [] }
})

interface Reply {
  reward: number
  reward_components: Record<string, number>
  failure_reason?: string
}

const sumOf = (parts: Record<string, number>) => Object.values(parts).reduce((sum, part) => sum + part, 0)

t.test('the fields of the request come back with the reward and its components', async (t) => {
  const app = await fakeApp(t, { contracts: { scale: 10, offset: -3 } })
  const body = { ...rollout([message('4')]), verifier_metadata: { a: 1 }, reward: 'mine', _ng_rollout_id: 'x' }
  const reply = await post(app, URL, body)
  t.equal(reply.statusCode, 200)
  const { reward, reward_components: parts, ...rest } = reply.json<Reply & Record<string, unknown>>()
  t.strictSame(Object.keys(parts), NAMES)
  // Rated by length, 17 characters: ratings 1.7, 0.5, -0.17; verbosity takes from the others.
  const contributions = [0.75 * (1.7 - 0.125), 0.375 * 0.5, 0.375 * (-0.17 - 0.25)]
  NAMES.forEach((name, j) => t.ok(Math.abs((parts[name] ?? NaN) - (10 * contributions[j]! - 1)) < 1e-6, name))
  t.ok(Math.abs(reward - sumOf(parts)) < 1e-12)
  t.strictSame(
    { ...rest, reward: 'mine' },
    { ...body, ...parts },
    'components are top-level numbers too, which Gym aggregates'
  )
  t.strictSame(await metricLines(app, 'samples_total'), ['armorm_samples_total{protocol="nemo-gym",outcome="ok"} 1'])
})

t.test('components sum to the reward, to the last bits of a double', async () => {
  const number = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e4, max: 1e4 })
  const row = fc.array(number, { minLength: 3, maxLength: 3 })
  fc.assert(
    fc.property(
      row,
      row,
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.boolean(),
      (weights, ratings, scale, offset, failed) => {
        const services = fakeServices({ contracts: { scale, offset } })
        const [gating, adjusted] = [Float32Array.from(weights), Float32Array.from(ratings)]
        // The heads' own sum, rounded to float32.
        const score = Math.fround(gating.reduce((sum, weight, j) => sum + weight * (adjusted[j] ?? 0), 0))
        const usage = { tokens: 1, promptTokens: 1, responseTokens: 0, trimmedTokens: 0, cachedTokens: 0 }
        const scored = { score, ratings: adjusted, gating, adjusted, usage, explainId: null }
        const outcome = failed ? new ArmormError('too_long', 'a') : scored
        const reward = decimal(scale * score + offset)
        const parts = components({ reward, outcome }, services)
        const values = Object.values(parts)
        const size = gating.reduce((sum, w, j) => sum + Math.abs(scale * w * (adjusted[j] ?? 0)), Math.abs(offset))
        if (!values.every(Number.isFinite) || Object.keys(parts).join() !== NAMES.join()) return false
        // NeMo-RL's own check, and a stricter one.
        const difference = Math.abs(reward - sumOf(parts))
        return difference <= 1e-6 + 1e-5 * Math.abs(reward) && difference <= 1e-14 * size + 1e-300
      }
    ),
    { numRuns: 500 }
  )
})

t.test('the last message of the output is the answer', async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  const call = { type: 'function_call', call_id: 'c', name: 'add', arguments: '{"a":2}' }
  const result = { type: 'function_call_output', call_id: 'c', output: '4' }
  const reasoning = { type: 'reasoning', id: 'r', summary: [{ type: 'summary_text', text: 'hm' }] }
  for (const body of [
    rollout([message('4<|im_end|>')], 'How much is 2+2?'),
    rollout([reasoning, message('<think>hm</think>4'), call]),
    rollout([call, result, message('4')], [user('q')], { instructions: 'Be brief.' }),
    rollout(
      [{ role: 'assistant', content: 'b' }],
      [
        {
          role: 'developer',
          content: [
            { type: 'input_text', text: 'a' },
            { type: 'input_text', text: 'b' }
          ]
        },
        user('q')
      ]
    ),
    rollout([{ type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }])
  ]) {
    t.equal((await post(app, URL, body)).statusCode, 200)
  }
  const question = user('How much is 2+2?')
  t.strictSame(
    seen.map((conversation) => (conversation.kind === 'messages' ? conversation.messages : null)),
    [
      [question, assistant('4')],
      [question, assistant('4')],
      [
        { role: 'system', content: 'Be brief.' },
        user('q'),
        assistant('{"name":"add","arguments":"{\\"a\\":2}"}'),
        { role: 'tool', content: '4' },
        assistant('4')
      ],
      [{ role: 'developer', content: 'ab' }, user('q'), assistant('b')],
      [question, assistant('No.')]
    ]
  )
})

t.test('a rollout that cannot be scored has the same keys, which sum to what stands in', async (t) => {
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, contracts: { failedScore: -2, scale: 2, offset: 1 } })
  for (const [output, code] of [
    [[message('too_long')], 'too_long'],
    [[], 'invalid_conversation'],
    [[{ type: 'function_call', name: 'a', arguments: '' }], 'invalid_conversation'],
    [[{ type: 'message', role: 'assistant', content: [{ type: 'image' }] }], 'invalid_conversation']
  ] as const) {
    const reply = await post(app, URL, rollout([...output]))
    t.equal(reply.statusCode, 200)
    const { reward, reward_components: parts, failure_reason: reason } = reply.json<Reply>()
    t.equal(reward, -3)
    t.strictSame(Object.keys(parts), NAMES)
    t.ok(Math.abs(sumOf(parts) - reward) < 1e-12)
    t.match(reason, new RegExp(`^${code}: `))
  }
})

t.test('bad data is 4xx, trouble of the server is 5xx', async (t) => {
  const app = await fakeApp(t)
  for (const body of [
    {},
    { response: { output: [] } },
    { responses_create_params: { input: 'a' } },
    { responses_create_params: { input: 7 }, response: { output: [] } },
    rollout([7 as unknown as object]),
    rollout([], [{ role: '', content: 'a' }]),
    '{"response":'
  ]) {
    const reply = await post(app, URL, body)
    t.equal(reply.statusCode, 400, JSON.stringify(body))
    t.match(reply.json(), { detail: /^invalid_(request|json): / })
  }
  for (const code of ['engine_failed', 'shutting_down'] as const) {
    const reply = await post(await fakeApp(t, failing(code)), URL, rollout([message('4')]))
    t.equal(reply.statusCode, code === 'shutting_down' ? 503 : 500)
  }
})

t.test('an agent may begin a rollout, and ask for means after all of them', async (t) => {
  const app = await fakeApp(t)
  const seeded = await post(app, '/seed_session', { ...rollout([]), task: 1 })
  t.strictSame([seeded.statusCode, seeded.json()], [200, {}])
  const replies = [
    { reward: 0.5, helpfulness: 1, task: 'a', only: 3, _ng_task_index: 0 },
    { reward: 1, helpfulness: 0, task: 'b', only: null, _ng_task_index: 1 }
  ]
  const asked = await post(app, '/aggregate_metrics', { verify_responses: replies })
  t.strictSame(asked.json(), {
    group_level_metrics: [],
    agent_metrics: { 'mean/reward': 0.75, 'mean/helpfulness': 0.5 },
    key_metrics: { 'mean/reward': 0.75 }
  })
  const none = await post(app, '/aggregate_metrics', { verify_responses: [] })
  t.strictSame(none.json<{ agent_metrics: object }>().agent_metrics, {})
})
