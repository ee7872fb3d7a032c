import t from 'tap'
import { keep, type PairRow } from '../../src/evaluate/pairs.js'

const pair = (line: number, chosen = 'long'): PairRow => ({
  done: 0,
  pair: {
    place: `data.jsonl:${line}`,
    key: `k${line}`,
    groups: {},
    prompt: [{ role: 'user', content: 'Hi' }],
    chosen,
    rejected: 'no'
  }
})
const leftOut = (line: number): PairRow => ({ done: 0, leftOut: { place: `data.jsonl:${line}`, reason: 'no pair' } })

t.test('rows that a later model finds other than the first are refused', async (t) => {
  const rows: Parameters<typeof keep>[0] = []
  const first = keep(rows, 0, pair(1), true)
  t.equal(keep(rows, 1, leftOut(2), true), undefined)
  t.equal(rows.length, 2)
  t.equal(keep(rows, 0, pair(1), false), first, 'the same row')
  t.equal(keep(rows, 1, leftOut(2), false), undefined)
  const changed = (line: number) => ({
    code: 'invalid_data',
    message: `data.jsonl:${line}: the rows changed while they were read`
  })
  t.throws(() => keep(rows, 0, pair(1, 'longer'), false), changed(1))
  t.throws(() => keep(rows, 0, leftOut(1), false), changed(1))
  t.throws(() => keep(rows, 1, pair(2), false), changed(2))
  // A file that grew meanwhile: the first model has no score of these, which would count as lost.
  t.throws(() => keep(rows, 2, pair(3), false), changed(3))
  t.throws(() => keep(rows, 2, leftOut(3), false), changed(3))
})
