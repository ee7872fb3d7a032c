import t from 'tap'
import { ReferenceBuilder } from '../../src/evaluate/reference.js'
import { manifest } from '../http/helpers.js'

const row = (score: number) => ({
  score,
  tokens: 10,
  responseTokens: 200 - score,
  ratings: Float32Array.of(score, 1, 2),
  gating: Float32Array.of(0.25, 0.5, score / 1000)
})

t.test('mean, deviation and percentiles of each number', async (t) => {
  const builder = new ReferenceBuilder(manifest)
  // 0..100, in an order that is not theirs.
  for (let i = 0; i <= 100; i++) builder.add(row((i * 37) % 101))
  const reference = builder.build()
  t.match(reference, { format_version: 2, model_revision: manifest.model.revision, conversations: 101 })
  t.strictSame(
    reference.score.percentiles,
    Array.from({ length: 101 }, (_, p) => p)
  )
  t.equal(reference.score.mean, 50)
  t.ok(Math.abs(reference.score.standard_deviation - Math.sqrt((101 ** 2 - 1) / 12)) < 1e-6)
  t.equal(reference.score_length_correlation, -1)
  t.strictSame(reference.gate_entropy.percentiles.length, 101)
  t.strictSame(reference.tokens, { mean: 10, standard_deviation: 0, percentiles: Array<number>(101).fill(10) })
  t.strictSame(
    reference.objectives.map(({ name, rating, gating }) => [name, rating.percentiles[100], gating.percentiles[50]]),
    [
      ['helpfulness', 100, 0.25],
      ['verbosity', 1, 0.5],
      ['safety', 2, Math.fround(0.05)].map((v) => (typeof v === 'number' ? Number(v.toPrecision(9)) : v))
    ]
  )
})

t.test('of more rows than it keeps, percentiles are a sample, the same each time; all else is exact', async (t) => {
  const build = () => {
    const builder = new ReferenceBuilder(manifest, 1000)
    for (let i = 0; i < 20_000; i++) builder.add(row((i * 7919) % 20_000))
    return builder.build()
  }
  const reference = build()
  t.strictSame(build(), reference)
  t.equal(reference.conversations, 20_000)
  t.equal(reference.score.mean, 9999.5)
  t.strictSame([reference.score.percentiles[0], reference.score.percentiles[100]], [0, 19_999])
  // A thousand drawn at random: the median's standard error is 316.
  t.ok(Math.abs(reference.score.percentiles[50]! - 10_000) < 1600)
  t.ok(reference.score.percentiles.every((value, p, all) => p === 0 || value >= all[p - 1]!))
})

t.test('one conversation is enough', async (t) => {
  const builder = new ReferenceBuilder(manifest)
  builder.add(row(0.5))
  t.strictSame(builder.build().score, {
    mean: 0.5,
    standard_deviation: 0,
    percentiles: Array<number>(101).fill(0.5)
  })
})
