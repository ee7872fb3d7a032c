/** The real server on the built-in bundle, over HTTP. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { worstDifference } from '../support/checkpoints.js'
import { DEFAULT_MODEL, FIXTURES } from '../support/paths.js'
import { childrenOf, type Server, startServer } from '../support/server.js'
import { until } from '../support/until.js'

interface Case {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
  readonly input_ids: readonly number[]
  readonly rewards: readonly number[]
  readonly gating_output: readonly number[]
  readonly score: number
}

interface Result {
  readonly id?: string | number
  readonly explain_id: string
  readonly score: number
  readonly ratings: Record<string, number>
  readonly gating: Record<string, number>
  readonly contributions: Record<string, number>
  readonly usage: { readonly tokens: number; readonly prompt_tokens: number; readonly response_tokens: number }
  readonly truncated: boolean
}

interface Scored<T = Result> {
  readonly model: { readonly name: string; readonly revision: string }
  readonly results: readonly T[]
  readonly usage: { readonly tokens: number }
}

const fixture = JSON.parse(readFileSync(join(FIXTURES, 'default-model-cases.json'), 'utf8')) as {
  objectives: string[]
  cases: Case[]
}
const { objectives } = fixture
/** The last ones are kept for the engine that is killed: work that is new then. */
const UNDER_LOAD = 18
const cases = fixture.cases.slice(0, -UNDER_LOAD)
const casesUnderLoad = fixture.cases.slice(-UNDER_LOAD)
const manifest = JSON.parse(readFileSync(join(DEFAULT_MODEL, 'bundle.json'), 'utf8')) as {
  model: { name: string; revision: string }
  heads: { logit_scale: number }
}

/** Largest allowed difference from the checkpoint's own outputs, absolute or relative. */
const PARITY = 1e-3
/** Largest allowed difference between one by one and all at once. */
const NEIGHBOURS = 1e-6

// Nothing is remembered, so that a conversation scored twice runs twice.
const server: Server = await startServer(t, ['--cache-bytes', '0'])

const score = async <T = Result>(t: Test, inputs: readonly unknown[]): Promise<Scored<T>> => {
  const reply = await server.post('/score', { inputs })
  t.equal(reply.status, 200, reply.status === 200 ? 'scored' : reply.text)
  return reply.json<Scored<T>>()
}
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** All numbers of a result, in the order of the objectives. */
const numbers = ({ ratings, gating, contributions, score }: Result): number[] => [
  ...[ratings, gating, contributions].flatMap((part) => objectives.map((name) => part[name]!)),
  score
]

t.test('listens on a free loopback port that the log tells, and is ready', async (t) => {
  t.match(server.origin, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/)
  t.match((await server.get('/readyz')).json(), { status: 'ready' })
  t.match((await server.get('/livez')).json(), { status: 'alive' })
  t.match((await server.get('/health')).json(), { status: 'ready', engine: { state: 'ready', restarts: 0 } })
  t.match((await server.get('/v1/models')).json(), { data: [{ id: manifest.model.name }] })
})

/** What each conversation got in the request of all. */
let together: readonly Result[] = []

t.test('scores real conversations as the checkpoint does', async (t) => {
  const reply = await score(
    t,
    cases.map(({ messages }, id) => ({ id, messages }))
  )
  t.match(reply.model, { name: manifest.model.name, revision: manifest.model.revision })
  together = reply.results
  t.strictSame(
    together.map(({ id }) => id),
    cases.map((_, i) => i)
  )
  const worst = { ratings: 0, gating: 0, score: 0 }
  for (const [i, expected] of cases.entries()) {
    const { ratings, gating, score, usage, truncated } = together[i]!
    t.strictSame(Object.keys(ratings), objectives)
    const differences = {
      ratings: worstDifference(Object.values(ratings), expected.rewards),
      gating: worstDifference(Object.values(gating), expected.gating_output),
      score: worstDifference([score], [expected.score])
    }
    for (const output of ['ratings', 'gating', 'score'] as const) {
      worst[output] = Math.max(worst[output], differences[output])
      t.ok(differences[output] <= PARITY, `case ${i}, ${output}: ${differences[output].toExponential(1)}`)
    }
    t.equal(usage.tokens, expected.input_ids.length, 'the same token ids')
    t.equal(usage.prompt_tokens + usage.response_tokens, usage.tokens)
    t.equal(truncated, false)
  }
  t.equal(reply.usage.tokens, sum(cases.map(({ input_ids: ids }) => ids.length)))
  for (const [output, difference] of Object.entries(worst)) {
    t.comment(`${output}: worst difference ${difference.toExponential(2)}`)
  }
})

t.test('gating sums to the logit scale, contributions to the score', async (t) => {
  for (const { gating, contributions, score } of together) {
    const parts = Object.values(contributions)
    t.ok(Math.abs(sum(Object.values(gating)) - manifest.heads.logit_scale) < 1e-5)
    t.ok(Math.abs(sum(parts) - score) <= 1e-6 * Math.max(1, sum(parts.map(Math.abs))))
  }
})

t.test('one by one gives what all at once gave', async (t) => {
  let worst = 0
  const batches = await server.metric('armorm_batch_size_count')
  for (const [i, { messages }] of cases.entries()) {
    const { results } = await score(t, [{ messages }])
    worst = Math.max(worst, worstDifference(numbers(results[0]!), numbers(together[i]!)))
  }
  t.ok(worst <= NEIGHBOURS, `${worst}`)
  t.equal((await server.metric('armorm_batch_size_count')) - batches, cases.length, 'each ran in a batch of its own')
  t.comment(`worst difference ${worst.toExponential(2)}`)
})

t.test('a repeat is answered from memory, bit for bit, and says so', async (t) => {
  const remembering = await startServer(t, [])
  const inputs = cases.slice(0, 3).map(({ messages }) => ({ messages }))
  const ask = async () =>
    (await remembering.post('/score', { inputs, return: ['score', 'ratings', 'gating', 'usage'] })).json<{
      results: { usage: { tokens: number; cached_tokens: number } }[]
      usage: { tokens: number; cached_tokens: number }
    }>()
  const [first, again] = [await ask(), await ask()]
  t.equal(first.usage.cached_tokens, 0)
  t.equal(again.usage.cached_tokens, again.usage.tokens)
  const without = ({ usage, ...rest }: { usage: object }) => ({ ...rest, tokens: (usage as { tokens: number }).tokens })
  t.strictSame(again.results.map(without), first.results.map(without))
  t.equal(await remembering.metric('armorm_batch_size_count'), 1)
})

t.test('responses to one prompt come nested, in their place', async (t) => {
  const pair = cases.filter(({ messages }) => messages.length === 2).slice(0, 3)
  const [first, ...others] = pair.map(({ messages }) => messages)
  const prompt = first!.slice(0, -1)
  const responses = [first, ...others].map((messages) => messages!.at(-1)!.content)
  const { results } = await score<Result & { readonly results?: readonly Result[] }>(t, [
    { prompt: prompt[0]!.content, response: responses[0] },
    { id: 'all', prompt, responses },
    { input_ids: pair[0]!.input_ids }
  ])
  t.equal(results.length, 3)
  const [one, many, ids] = results
  t.equal(many!.id, 'all')
  t.equal(many!.score, undefined)
  t.equal(many!.results!.length, responses.length)
  const expected = numbers(together[cases.indexOf(pair[0]!)]!)
  for (const same of [one!, many!.results![0]!, ids!]) t.ok(worstDifference(numbers(same), expected) <= NEIGHBOURS)
  t.equal(new Set(many!.results!.map((each) => each.score)).size, responses.length)
})

t.test('explains a result that it returned', async (t) => {
  const { explain_id: id, score, gating, contributions } = together[0]!
  const reply = await server.get(`/explain/${id}`)
  t.equal(reply.status, 200)
  const explanation = reply.json<{
    explain_id: string
    score: number
    objectives: { name: string; gating: number; contribution: number }[]
  }>()
  t.equal(explanation.explain_id, id)
  t.equal(explanation.score, score)
  const { objectives: rows } = explanation
  t.strictSame(Object.fromEntries(rows.map(({ name, gating }) => [name, gating])), gating)
  const found = Object.fromEntries(rows.map(({ name, contribution }) => [name, contribution]))
  t.ok(worstDifference(Object.values(found), Object.values(contributions)) <= NEIGHBOURS)
  t.match((await server.get('/explain/none')).json(), { error: { code: 'explain_not_found' } })
})

t.test('metrics tell what was done', async (t) => {
  const scored = await server.metric('armorm_samples_total{protocol="score",outcome="ok"}')
  t.equal(scored, 2 * cases.length + 5, 'all at once, one by one, and five forms of the same')
  t.equal(await server.metric('armorm_ready'), 1)
  t.equal(await server.metric('armorm_engine_restarts'), 0)
  t.equal(await server.metric('armorm_queue_depth'), 0)
})

t.test('requests with one prompt share its work, and nobody has to say so', async (t) => {
  const totals = async () => ({
    tokens: await server.metric('armorm_batch_tokens_sum'),
    distinct: await server.metric('armorm_batch_distinct_tokens_sum'),
    tokenized: await server.metric('armorm_tokenize_seconds_count')
  })
  const before = await totals()
  const prompt = 'Say why the days are longer in summer than in winter, in one sentence. '.repeat(8)
  const inputs = Array.from({ length: 8 }, (_, i) => ({ prompt, response: `The axis is tilted by ${20 + i} degrees.` }))
  // While this one runs, the others come together.
  const first = score(t, [{ prompt: 'Count.', response: 'One, two, three. '.repeat(250) }])
  await until(async () => (await totals()).tokenized > before.tokenized)
  const replies = await Promise.all(inputs.map((input) => score(t, [input])))
  await first
  const { tokens, distinct } = await totals()
  const promptTokens = replies[0]!.results[0]!.usage.prompt_tokens
  t.ok(promptTokens > 100, `${promptTokens} tokens of the prompt`)
  const saved = tokens - before.tokens - (distinct - before.distinct)
  t.ok(saved >= 4 * promptTokens, `${saved} tokens were not computed again`)
  for (const [i, input] of inputs.entries()) {
    const alone = (await score(t, [input])).results[0]!
    t.ok(worstDifference(numbers(replies[i]!.results[0]!), numbers(alone)) <= NEIGHBOURS)
  }
})

const skip = !existsSync('/proc/self/stat') && 'needs /proc to find the engine process'
t.test('an engine that is killed under load: every request is answered, the server recovers', { skip }, async (t) => {
  const tokenized = await server.metric('armorm_tokenize_seconds_count')
  const third = UNDER_LOAD / 3
  const answers = [0, 1, 2].map((i) =>
    score(
      t,
      casesUnderLoad.slice(i * third, (i + 1) * third).map(({ messages }) => ({ messages }))
    )
  )
  await until(async () => (await server.metric('armorm_tokenize_seconds_count')) === tokenized + UNDER_LOAD)
  const engines = childrenOf(server.pid)
  t.equal(engines.length, 1)
  process.kill(engines[0]!, 'SIGKILL')
  const results = (await Promise.all(answers)).flatMap((answer) => answer.results)
  t.equal(results.length, UNDER_LOAD)
  for (const [i, { ratings, score }] of results.entries()) {
    const expected = casesUnderLoad[i]!
    t.ok(worstDifference([...Object.values(ratings), score], [...expected.rewards, expected.score]) <= PARITY)
  }
  await until(async () => (await server.metric('armorm_engine_restarts')) === 1)
  await until(async () => (await server.get('/readyz')).status === 200)
  t.not(childrenOf(server.pid)[0], engines[0])
  await score(t, [{ prompt: 'Is it back?', response: 'Yes.' }])
})

t.test('SIGTERM: what is in flight is answered, then it ends with code 0', async (t) => {
  const tokenized = await server.metric('armorm_tokenize_seconds_count')
  const responses = Array.from({ length: 20 }, (_, i) => `Count to ${i}.`.repeat(20))
  const inFlight = score<{ readonly results: readonly Result[] }>(t, [{ prompt: 'What comes next?', responses }])
  await until(async () => (await server.metric('armorm_tokenize_seconds_count')) === tokenized + 20)
  process.kill(server.pid, 'SIGTERM')
  t.equal((await inFlight).results[0]!.results.length, 20)
  const { code, stderr } = await server.exit
  t.equal(code, 0)
  t.equal(stderr, '')
})
