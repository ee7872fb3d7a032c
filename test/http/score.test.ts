import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import type { Tokenize } from '../../src/scoring/rater.js'
import type { Conversation } from '../../src/text/conversation.js'
import type { Failure, Nested, Result, ScoreReply } from '../../src/http/schemas/score.js'
import { fakeApp, fakeTokenizer, manifest, rateByLength } from './helpers.js'

const user = (content: string) => ({ role: 'user', content })
const assistant = (content: string) => ({ role: 'assistant', content })
const scoreOf = (tokens: number) =>
  Number(rateByLength({ ids: new Int32Array(tokens), gateIndex: 0 }).score.toPrecision(9))

t.test('one result an input, in order, whichever form an input has and whichever finishes first', async (t) => {
  // Longer conversations take more turns of the event loop, so the first input finishes last.
  const app = await fakeApp(t, {
    rater: {
      async rate(sequence) {
        for (let i = 0; i < sequence.ids.length; i++) await new Promise(setImmediate)
        return rateByLength(sequence)
      }
    }
  })
  const reply = await app.inject({
    method: 'POST',
    url: '/score',
    payload: {
      inputs: [
        { id: 'a', messages: [user('12345'), assistant('6789')] },
        { prompt: '1234', response: '5678' },
        { id: 7, prompt: [user('12'), assistant('3'), user('45')], response: '67' },
        { id: 'n', prompt: '123', responses: ['45', '4', '456'] },
        { text: '12345' },
        { id: 'last', input_ids: [1, 2, 3, 4] }
      ]
    }
  })
  t.equal(reply.statusCode, 200, reply.body)
  const { results, model, usage } = reply.json<ScoreReply>()
  t.strictSame(model, { name: 'tiny', revision: '0123456789abcdef', precision: 'fp32' })
  t.strictSame(
    results.map((result) => result.id),
    ['a', undefined, 7, 'n', undefined, 'last']
  )
  const [a, b, c, nested, d, e] = results as [Result, Result, Result, Nested, Result, Result]
  t.strictSame(
    [a, b, c, d, e].map(({ score }) => score),
    [9, 8, 7, 5, 4].map(scoreOf)
  )
  t.strictSame(
    nested.results.map((result) => (result as Result).score),
    [5, 4, 6].map(scoreOf)
  )
  t.notOk('score' in nested, 'the nested results stand in the place of the input')
  t.strictSame(a.usage, { tokens: 9, prompt_tokens: 5, response_tokens: 4, trimmed_tokens: 0, cached_tokens: 0 })
  t.equal(usage?.tokens, 9 + 8 + 7 + 5 + 4 + 6 + 5 + 4)
})

t.test('each form becomes the conversation that it stands for', async (t) => {
  const seen: Conversation[] = []
  const tokenizer: Tokenize = {
    encode(conversation, truncation) {
      seen.push(conversation)
      return fakeTokenizer.encode(conversation, truncation)
    }
  }
  const app = await fakeApp(t, { tokenizer })
  const inputs = [
    { prompt: 'p', response: 'r' },
    { prompt: [{ role: 'system', content: 's' }, user('p')], response: 'r' },
    { prompt: 'p', responses: ['r', ''] },
    { text: '<rendered>' },
    { input_ids: [3, 4] }
  ]
  await app.inject({ method: 'POST', url: '/score', payload: { inputs } })
  t.strictSame(seen, [
    { kind: 'messages', messages: [user('p'), assistant('r')] },
    { kind: 'messages', messages: [{ role: 'system', content: 's' }, user('p'), assistant('r')] },
    { kind: 'messages', messages: [user('p'), assistant('r')] },
    { kind: 'messages', messages: [user('p'), assistant('')] },
    { kind: 'text', text: '<rendered>' },
    { kind: 'ids', ids: [3, 4] }
  ])
})

t.test(
  'ratings, gating weights and contributions go by objective; numbers are float32 in 9 digits at most',
  async (t) => {
    const app = await fakeApp(t)
    const reply = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ text: '1234567' }] } })
    const [result] = reply.json<ScoreReply>().results as [Result]
    const names = manifest.objectives.map(({ name }) => name)
    const rated = rateByLength({ ids: new Int32Array(7), gateIndex: 0 })
    for (const part of [result.ratings, result.gating, result.contributions])
      t.strictSame(Object.keys(part ?? {}), names)
    t.strictSame(Object.values(result.ratings ?? {}).map(Math.fround), [...rated.ratings], 'lossless for float32')
    t.strictSame(Object.values(result.gating ?? {}).map(Math.fround), [...rated.gating])
    const sum = Object.values(result.contributions ?? {}).reduce((total, part) => total + part, 0)
    t.ok(Math.abs(sum - result.score) <= 1e-6)
    for (const [number] of reply.body.matchAll(/\d+\.\d+(?:e[+-]?\d+)?/g)) {
      t.ok(number.replace(/e.*|\./g, '').replace(/^0+/, '').length <= 9, number)
    }
  }
)

t.test('`return` leaves out what the caller does not want', async (t) => {
  const app = await fakeApp(t)
  const ask = async (wanted?: string[]) => {
    const reply = await app.inject({
      method: 'POST',
      url: '/score',
      payload: { inputs: [{ text: 'abc' }], ...(wanted && { return: wanted }) }
    })
    const { results, ...rest } = reply.json<ScoreReply>()
    return { result: Object.keys(results[0] ?? {}).sort(), rest: Object.keys(rest).sort() }
  }
  t.strictSame(await ask(), {
    result: ['contributions', 'explain_id', 'gating', 'ratings', 'score', 'truncated', 'usage'],
    rest: ['model', 'timing', 'usage']
  })
  t.strictSame(await ask([]), { result: ['score', 'truncated'], rest: ['model'] })
  t.strictSame(await ask(['score']), { result: ['score', 'truncated'], rest: ['model'] })
  for (const name of ['ratings', 'gating', 'contributions', 'explain_id']) {
    t.strictSame(await ask([name]), { result: [name, 'score', 'truncated'].sort(), rest: ['model'] })
  }
  t.strictSame(await ask(['usage']), { result: ['score', 'truncated', 'usage'], rest: ['model', 'usage'] })
  t.strictSame(await ask(['timing']), { result: ['score', 'truncated'], rest: ['model', 'timing'] })
})

t.test('one bad conversation refuses the request and names its place', async (t) => {
  const tokenizer: Tokenize = {
    async encode(conversation, truncation) {
      const encoded = await fakeTokenizer.encode(conversation, truncation)
      if (encoded.ids.length > 5) throw new ArmormError('too_long', 'too long', { tokens: encoded.ids.length })
      return encoded
    }
  }
  let runs = 0
  const app = await fakeApp(t, {
    tokenizer,
    rater: {
      async rate(sequence) {
        runs++
        return rateByLength(sequence)
      }
    }
  })
  const post = (payload: object) => app.inject({ method: 'POST', url: '/score', payload })

  const inputs = [{ text: 'ok' }, { text: 'much too long' }, { prompt: 'ab', responses: ['c', 'far too long'] }]
  const refused = await post({ inputs })
  t.equal(refused.statusCode, 422)
  t.strictSame(refused.json(), {
    error: { code: 'too_long', message: 'inputs[1]: too long', details: { index: 1, tokens: 13 } }
  })
  const nested = await post({ inputs: [inputs[0], inputs[2]] })
  t.strictSame(nested.json<Failure>().error.details, { index: 1, response: 1, tokens: 14 })
  const form = await post({ inputs: [{ text: 'ok' }, { promt: 'x' }] })
  t.equal(form.statusCode, 400)
  t.equal(form.json<Failure>().error.details['index'], 1)
  t.match(form.json<Failure>().error.message, /inputs\[1\].*"messages".*"responses".*"text".*"input_ids"/)
  t.equal(runs, 0, 'and nothing is run')

  const placed = await post({ inputs: [...inputs, { id: 'x', nonsense: 1 }, { text: 'end' }], on_error: 'item' })
  t.equal(placed.statusCode, 200)
  const results = placed.json<ScoreReply>().results
  t.equal((results[0] as Result).score, scoreOf(2))
  t.equal((results[1] as Failure).error.code, 'too_long')
  const both = results[2] as Nested
  t.equal((both.results[0] as Result).score, scoreOf(3))
  t.strictSame((both.results[1] as Failure).error.details, { index: 2, response: 1, tokens: 14 })
  t.equal(results[3]?.id, 'x')
  t.equal((results[3] as Failure).error.code, 'invalid_request')
  t.equal((results[4] as Result).score, scoreOf(3))
  t.equal(runs, 3)
})

t.test('`details.index` is the place in the request, whatever else an error has to tell', async (t) => {
  const tokenizer: Tokenize = {
    encode: () => Promise.reject(new ArmormError('invalid_token_ids', 'token 7', { index: 7, token_index: 7 }))
  }
  const app = await fakeApp(t, { tokenizer })
  const reply = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ input_ids: [1] }] } })
  t.strictSame(reply.json<Failure>().error.details, { index: 0, token_index: 7 })
})

t.test('an id that is refused is not echoed', async (t) => {
  const app = await fakeApp(t)
  const inputs = [
    { id: 'x'.repeat(1000), text: 'a' },
    { id: 2 ** 60, text: 'a' },
    { id: -7, nonsense: 1 }
  ]
  const reply = await app.inject({ method: 'POST', url: '/score', payload: { inputs, on_error: 'item' } })
  t.strictSame(
    reply.json<ScoreReply>().results.map(({ id }) => id),
    [undefined, undefined, -7]
  )
})

t.test('a value that is not finite answers 500 and nothing else of the request', async (t) => {
  for (const broken of ['score', 'ratings', 'gating', 'adjusted'] as const) {
    const app = await fakeApp(t, {
      rater: {
        async rate(sequence) {
          const rated = rateByLength(sequence)
          if (sequence.ids.length !== 3) return rated
          return { ...rated, [broken]: broken === 'score' ? Infinity : Float32Array.of(0, NaN, 0) }
        }
      }
    })
    const payload = { inputs: [{ text: 'ok' }, { text: 'bad' }] }
    const reply = await app.inject({ method: 'POST', url: '/score', payload })
    t.equal(reply.statusCode, 500)
    t.strictSame(Object.keys(reply.json<object>()), ['error'])
    t.match(reply.json(), { error: { code: 'non_finite', details: { index: 1 } } })
    const item = await app.inject({ method: 'POST', url: '/score', payload: { ...payload, on_error: 'item' } })
    t.match(item.json(), { results: [{ score: scoreOf(2) }, { error: { code: 'non_finite' } }] })
    t.notOk('score' in (item.json<ScoreReply>().results[1] ?? {}))
    const explained = await app.inject({ method: 'POST', url: '/explain', payload: { text: 'bad' } })
    t.match(explained.json(), { error: { code: 'non_finite' } })
  }
})

t.test('an engine that is away refuses the request whatever on_error says', async (t) => {
  const app = await fakeApp(t, {
    rater: { rate: () => Promise.reject(new ArmormError('engine_unavailable', 'the engine is stopped')) }
  })
  const payload = { inputs: [{ text: 'a' }], on_error: 'item' }
  const reply = await app.inject({ method: 'POST', url: '/score', payload })
  t.equal(reply.statusCode, 503)
  t.ok(Number(reply.headers['retry-after']) > 0)
})

t.test('trimming is asked for, and told', async (t) => {
  const app = await fakeApp(t)
  const payload = { inputs: [{ prompt: 'x'.repeat(120), response: 'yes' }], truncation: 'prompt_left' }
  const reply = await app.inject({ method: 'POST', url: '/score', payload })
  const [result] = reply.json<ScoreReply>().results as [Result]
  t.equal(result.truncated, true)
  t.strictSame(result.usage, {
    tokens: 100,
    prompt_tokens: 97,
    response_tokens: 3,
    trimmed_tokens: 23,
    cached_tokens: 0
  })
})

t.test('the model may be named by name or revision; no inputs give no results', async (t) => {
  const app = await fakeApp(t)
  for (const model of ['tiny', '0123456789abcdef']) {
    const reply = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [], model } })
    t.equal(reply.statusCode, 200)
    t.strictSame(reply.json<ScoreReply>().results, [])
  }
})

t.test('timing is that of the conversation that finished last', async (t) => {
  const app = await fakeApp(t, {
    rater: {
      rate: async (sequence) => ({ ...rateByLength(sequence), queueMs: sequence.ids.length * 10, runMs: 3 })
    }
  })
  const payload = { inputs: [{ text: '1' }, { text: '123' }, { text: '12' }] }
  const { timing } = (await app.inject({ method: 'POST', url: '/score', payload })).json<ScoreReply>()
  t.equal(timing?.queue_ms, 30)
  t.equal(timing?.run_ms, 3)
  t.ok((timing?.tokenize_ms ?? -1) >= 0 && (timing?.total_ms ?? -1) >= (timing?.tokenize_ms ?? 0))
})
