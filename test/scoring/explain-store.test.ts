import t from 'tap'
import { ExplainStore } from '../../src/scoring/explain-store.js'
import { manifest } from '../http/helpers.js'

const usage = { tokens: 3, promptTokens: 2, responseTokens: 1, trimmedTokens: 0, cachedTokens: 0 }

const reward = (score: number, objectives = 4) => ({
  score,
  ratings: new Float32Array(objectives).fill(score),
  gating: new Float32Array(objectives),
  adjusted: new Float32Array(objectives),
  usage,
  manifest
})

const put = (store: ExplainStore, score: number, objectives?: number): string => {
  const id = store.put(reward(score, objectives))
  if (id === null) throw new Error('the store is off')
  return id
}

t.test('what is put in comes out under an id that cannot be guessed', async (t) => {
  const store = new ExplainStore({ maxBytes: 1 << 20, ttlMs: 1000 })
  const ids = Array.from({ length: 100 }, (_, i) => put(store, i))
  t.equal(new Set(ids).size, 100)
  for (const id of ids) t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
  t.strictSame(store.get(ids[42] ?? ''), reward(42))
  t.equal(store.get('another'), undefined)
})

t.test('it keeps a copy, not a view of a whole batch', async (t) => {
  const store = new ExplainStore({ maxBytes: 1 << 20, ttlMs: 1000 })
  const batch = new Float32Array(4000)
  const view = batch.subarray(4, 8)
  const id = store.put({ ...reward(1), ratings: view })
  batch.fill(9)
  const stored = store.get(id ?? '')
  t.strictSame(stored?.ratings, new Float32Array(4))
  t.equal(stored?.ratings.buffer.byteLength, 16)
})

t.test('the bound in bytes holds, and the least recently used goes first', async (t) => {
  const store = new ExplainStore({ maxBytes: 100_000, ttlMs: 1000 })
  const first = put(store, 0)
  const second = put(store, 1)
  while (store.bytes + 1500 < 100_000) put(store, 2)
  t.ok(store.get(first), 'just used')
  put(store, 3, 1000)
  t.ok(store.bytes <= 100_000)
  t.equal(store.get(second), undefined)
  t.ok(store.get(first))
})

t.test('explanations expire by age, however often they are read', async (t) => {
  let now = 1
  const store = new ExplainStore({ maxBytes: 1 << 20, ttlMs: 1000, now: () => now })
  const id = put(store, 1)
  now = 900
  t.ok(store.get(id))
  now = 1002
  t.equal(store.get(id), undefined)
})

t.test('no id is given out for what does not fit', async (t) => {
  const store = new ExplainStore({ maxBytes: 1000, ttlMs: 1000 })
  t.equal(store.put(reward(1)), null)
  t.equal(store.bytes, 0)
})

t.test('0 bytes turn it off', async (t) => {
  const store = new ExplainStore({ maxBytes: 0, ttlMs: 1000 })
  t.equal(store.enabled, false)
  t.equal(store.put(reward(1)), null)
  t.equal(store.get('any'), undefined)
  t.equal(store.size, 0)
  t.equal(store.bytes, 0)
})
