import t from 'tap'
import { bootstrap, outcome } from '../../src/heads/bootstrap.js'
import { seeded } from '../../src/random.js'

const OPTIONS = { seed: 1, resamples: 2000, confidence: 0.95 }
const keysOf = (count: number, each: number) => Array.from({ length: count * each }, (_, i) => `key ${i % count}`)

t.test('a tie counts half', async (t) => {
  t.same([outcome(0.1), outcome(0), outcome(-0), outcome(-3), outcome(NaN)], [1, 0.5, 0.5, 0, 0])
})

t.test('with one pair a key the interval is that of a share', async (t) => {
  const random = seeded(7)
  const outcomes = Float64Array.from({ length: 1000 }, () => (random() < 0.7 ? 1 : 0))
  const { accuracies } = bootstrap([outcomes], keysOf(1000, 1), OPTIONS)
  const { accuracy, low, high } = accuracies[0]!
  const half = 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / 1000)
  t.ok(Math.abs(low - (accuracy - half)) < 0.003 && Math.abs(high - (accuracy + half)) < 0.003)
})

t.test('pairs of one key do not make an interval narrower', async (t) => {
  const random = seeded(8)
  const single = Float64Array.from({ length: 200 }, () => (random() < 0.6 ? 1 : 0))
  const repeated = Float64Array.from({ length: 2000 }, (_, i) => single[i % 200]!)
  const width = (outcomes: Float64Array, each: number) => {
    const { low, high } = bootstrap([outcomes], keysOf(200, each), OPTIONS).accuracies[0]!
    return high - low
  }
  t.ok(Math.abs(width(repeated, 10) - width(single, 1)) < 1e-9)
})

t.test('differences are paired', async (t) => {
  const random = seeded(9)
  const first = Float64Array.from({ length: 500 }, () => (random() < 0.5 ? 1 : 0))
  const worse = first.map((value, i) => (i % 10 === 0 ? 0 : value))
  const { accuracies, differences } = bootstrap([first, worse, first], keysOf(500, 1), OPTIONS)
  t.same(differences[2], { difference: 0, low: 0, high: 0 })
  t.equal(differences[1]!.difference, accuracies[0]!.accuracy - accuracies[1]!.accuracy)
  t.ok(differences[1]!.low > 0, 'never better in any resample, though the intervals overlap')
  t.ok(accuracies[1]!.high > accuracies[0]!.low)
})

t.test('the same seed gives the same intervals, another others', async (t) => {
  const outcomes = [Float64Array.from({ length: 50 }, (_, i) => i % 2)]
  const run = (seed: number) => bootstrap(outcomes, keysOf(50, 1), { ...OPTIONS, resamples: 101, seed })
  t.same(run(3), run(3))
  t.notSame(run(3), run(4))
})
