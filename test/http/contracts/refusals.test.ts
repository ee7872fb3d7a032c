/** What each contract's clients get when the server refuses, held against the table of docs/contracts.md. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { ArmormError, type ErrorCode } from '../../../src/errors.js'
import { CONTRACTS } from '../../../src/http/contracts/index.js'
import { marked, read, section, tableRows } from '../../support/documents.js'
import { until } from '../../support/until.js'
import { fakeApp } from '../helpers.js'
import { assistant, post, PROMPT, TEXT, user } from './support.js'

/** A refusal by its status, whichever codes have it. */
class Refusal extends ArmormError {
  readonly #status: number

  constructor(code: ErrorCode, status: number) {
    super(code, `refused with ${status}`)
    this.#status = status
  }

  override get status(): number {
    return this.#status
  }
}

const messages = [user('a'), assistant('b')]
const ask = (url: string, body: object) => (app: FastifyInstance) => post(app, url, body)

/** Asks each contract for a score, and gives the reply in which its client looks for it. */
const REQUESTS: Readonly<Record<string, (app: FastifyInstance) => Promise<LightMyRequestResponse>>> = {
  score: ask('/score', { inputs: [{ messages }] }),
  openrlhf: ask('/get_reward', { query: [TEXT], prompts: [PROMPT] }),
  'llama-factory': ask('/v1/score/evaluation', { messages: [TEXT] }),
  vllm: ask('/classify', { input: TEXT }),
  sglang: ask('/classify', { text: TEXT }),
  slime: ask('/slime', { prompt: PROMPT, response: '4' }),
  xtuner: ask('/xtuner', { response: '4', label: { prompt: 'q' } }),
  'align-anything': ask('/align-anything', { prompts: ['a'], responses: ['b'] }),
  roll: async (app) => {
    const base = '/apis/custom/reward-system/v1'
    const { reward_request_id: id } = (await post(app, `${base}/submit_task`, { prompt: 'a', response: 'b' })).json<{
      reward_request_id: string
    }>()
    const poll = () => app.inject({ url: `${base}/task_result?reward_request_id=${id}` })
    await until(async () => (await poll()).json<{ errcode: number }>().errcode !== 1)
    return poll()
  },
  'nemo-gym': ask('/verify', {
    responses_create_params: { input: 'a' },
    response: { output: [{ role: 'assistant', content: 'b' }] }
  }),
  nemotron: ask('/v1/chat/completions', { messages }),
  oip: ask('/v2/models/tiny/infer', {
    inputs: [{ name: 'text', shape: [1], datatype: 'BYTES', data: [TEXT] }]
  }),
  kserve: ask('/v1/models/tiny:predict', { instances: [{ prompt: 'a', response: 'b' }] }),
  tei: ask('/predict', { inputs: ['a', 'b'] })
}

const table = tableRows(section(read('docs/contracts.md'), 'Refusals'))

t.test('every contract has a row', async (t) => {
  t.strictSame(
    table.map(([name = '']) => marked(name)[0]),
    CONTRACTS.map(({ protocol }) => protocol)
  )
})

t.test('the table says whose requests wait when there is no room, and for how long', async (t) => {
  t.strictSame(
    table.map((row) => row[4]),
    CONTRACTS.map(({ patience }) =>
      patience === undefined ? 'is refused' : patience === Infinity ? 'waits' : `waits, ${patience} s`
    )
  )
})

for (const [name = '', ...cells] of table) {
  const protocol = marked(name)[0] ?? ''
  t.test(`${protocol} refuses as the table says`, async (t) => {
    for (const [i, [code, own]] of (
      [
        ['overloaded', 429],
        ['engine_unavailable', 503],
        ['engine_unavailable', 504]
      ] as const
    ).entries()) {
      const app = await fakeApp(t, { rater: { rate: () => Promise.reject(new Refusal(code, own)) } })
      const reply = await REQUESTS[protocol]?.(app)
      t.equal(String(reply?.statusCode), cells[i])
      t.match(reply?.headers['content-type'], /^application\/json/)
      t.match(reply?.body, `refused with ${own}`)
      t.equal(reply?.headers['retry-after'], reply?.statusCode === 200 ? undefined : '5')
    }
  })
}
