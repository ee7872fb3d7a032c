import fc from 'fast-check'
import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import { ExplainStore } from '../../src/scoring/explain-store.js'
import type { Rater, Tokenize } from '../../src/scoring/rater.js'
import type { Outcome, ScoringInput } from '../../src/scoring/reward.js'
import { Scorer, type ScoreOptions, type ScoringObserver } from '../../src/scoring/scorer.js'
import type { Conversation } from '../../src/text/conversation.js'
import { manifest } from '../http/helpers.js'

/** Ids say what happens: a conversation `[n]` scores n, negative ones are refused, by the tokenizer or the engine. */
const conversation = (n: number): Conversation => ({ kind: 'ids', ids: [n] })
const REFUSED = -1
const FAILING = -2

const tokenizer: Tokenize = {
  async encode(given) {
    const ids = given.kind === 'ids' ? given.ids : []
    if (ids[0] === REFUSED) throw new ArmormError('too_long', 'too long')
    return { ids: Int32Array.from(ids), gateIndex: 0, promptTokens: 0, trimmedTokens: 0, cachedTokens: 0 }
  }
}
const rater: Rater = {
  async rate({ ids }) {
    if (ids[0] === FAILING) throw new ArmormError('engine_failed', 'twice')
    const values = Float32Array.of(1)
    return {
      ratings: values,
      gating: values,
      adjusted: values,
      score: ids[0] ?? 0,
      batchSize: 1,
      origin: 'run' as const,
      queueMs: 0,
      runMs: 0
    }
  }
}

function make(parts: { tokenizer?: Tokenize; rater?: Rater } = {}) {
  const counts = { ok: 0, rejected: 0, failed: 0, nonFinite: 0 }
  const observer: ScoringObserver = {
    tokenized: () => {},
    rated: () => void counts.ok++,
    rejected: () => void counts.rejected++,
    failed: () => void counts.failed++,
    nonFinite: () => void counts.nonFinite++
  }
  const store = new ExplainStore({ maxBytes: 1 << 20, ttlMs: 1000 })
  return { scorer: new Scorer({ manifest, tokenizer, rater, store, observer, ...parts }), counts, store }
}

const options: ScoreOptions = { protocol: 'score', truncation: 'none', onError: 'item', keep: false }
const inputOf = (n: number | number[]): ScoringInput =>
  Array.isArray(n)
    ? { kind: 'many', conversations: n.map(conversation) }
    : { kind: 'one', conversation: conversation(n) }
const said = (outcome: Outcome) => (outcome instanceof ArmormError ? outcome.code : outcome.score)

t.test('outcomes keep the places and the forms of their inputs, whatever fails among them', async () => {
  const number = fc.integer({ min: -2, max: 100 })
  const expected = (n: number) => (n === REFUSED ? 'too_long' : n === FAILING ? 'engine_failed' : n)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(number, fc.array(number, { maxLength: 4 }))), async (wanted) => {
      const { outcomes } = await make().scorer.score(wanted.map(inputOf), options)
      const found = outcomes.map((outcome) => ('map' in outcome ? outcome.map(said) : said(outcome)))
      return (
        JSON.stringify(found) === JSON.stringify(wanted.map((n) => (Array.isArray(n) ? n.map(expected) : expected(n))))
      )
    })
  )
})

t.test('where one bad conversation refuses all, it is the first, and it is named', async (t) => {
  const { scorer, counts } = make()
  const strict = { ...options, onError: 'request' as const }
  await t.rejects(scorer.score([1, REFUSED, [2, REFUSED]].map(inputOf), strict), {
    code: 'too_long',
    message: 'inputs[1]: too long',
    details: { index: 1 }
  })
  await t.rejects(scorer.score([1, [2, REFUSED]].map(inputOf), strict), {
    message: 'inputs[1].responses[1]: too long',
    details: { index: 1, response: 1 }
  })
  t.equal(counts.ok, 0, 'nothing was rated')
  await t.rejects(scorer.score([1, FAILING].map(inputOf), strict), { code: 'engine_failed', details: { index: 1 } })
})

t.test('an input refused beforehand keeps its neighbours from the tokenizer', async (t) => {
  let encoded = 0
  const counting: Tokenize = {
    encode(given, truncation) {
      encoded++
      return tokenizer.encode(given, truncation)
    }
  }
  const { scorer } = make({ tokenizer: counting })
  const refused: ScoringInput = { kind: 'refused', error: new ArmormError('invalid_request', 'no form') }
  const inputs = [inputOf(1), refused]
  await t.rejects(scorer.score(inputs, { ...options, onError: 'request' }), {
    code: 'invalid_request',
    details: { index: 1 }
  })
  t.equal(encoded, 0)
  const { outcomes } = await scorer.score(inputs, options)
  t.strictSame((outcomes as Outcome[]).map(said), [1, 'invalid_request'])
})

t.test("the server's own state and defects refuse the request even where items may fail", async (t) => {
  for (const error of [new ArmormError('shutting_down', 'now'), new TypeError('defect')]) {
    const { scorer, counts } = make({ rater: { rate: () => Promise.reject(error) } })
    await t.rejects(scorer.score([1].map(inputOf), options), error)
    t.equal(counts.failed, 1)
  }
})

t.test('rewards are kept only where asked', async (t) => {
  const { scorer, store } = make()
  const without = await scorer.scoreOne(conversation(5), options)
  t.equal(without.explainId, null)
  t.equal(store.size, 0)
  const kept = await scorer.scoreOne(conversation(5), { ...options, keep: true })
  t.equal(store.get(kept.explainId ?? '')?.score, 5)
})

t.test('a single conversation has errors without a place, and outcomes are counted once', async (t) => {
  const { scorer, counts } = make()
  await t.rejects(scorer.scoreOne(conversation(REFUSED), options), { message: 'too long', details: {} })
  await t.rejects(scorer.scoreOne(conversation(FAILING), options), { code: 'engine_failed' })
  await scorer.score([1, REFUSED, FAILING].map(inputOf), options)
  t.match(counts, { rejected: 2, failed: 2 })
})

t.test('values that are not finite never become a reward', async (t) => {
  const bad: Rater = {
    rate: async (sequence) => ({ ...(await rater.rate(sequence)), adjusted: Float32Array.of(-Infinity) })
  }
  const { scorer, counts, store } = make({ rater: bad })
  await t.rejects(scorer.scoreOne(conversation(1), { ...options, keep: true }), { code: 'non_finite' })
  t.strictSame(counts, { ok: 0, rejected: 0, failed: 1, nonFinite: 1 })
  t.equal(store.size, 0)
})
