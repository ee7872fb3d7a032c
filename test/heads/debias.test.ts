import fc from 'fast-check'
import t from 'tap'
import { debias, type DebiasRule, PENALTY_GRID, transformed } from '../../src/heads/debias.js'
import { spearman } from '../../src/heads/spearman.js'
import { type Random, seeded } from '../../src/random.js'
import { normal } from './matrices.js'

const BISECT: DebiasRule = { rule: 'bisect', threshold: 0.03, allowNegative: false }
const GRID: DebiasRule = { ...BISECT, rule: 'grid' }

const noise = (random: Random, n: number): Float64Array => Float64Array.from({ length: n }, () => normal(random))
const plus = (a: Float64Array, share: number, b: Float64Array): Float64Array =>
  a.map((value, i) => value + share * b[i]!)

/** Objective 0 is what is removed, the others have it planted in them by these shares. */
function planted(seed: number, n: number, shares: readonly number[]): Float64Array[] {
  const random = seeded(seed)
  const removed = noise(random, n)
  return [removed, ...shares.map((share) => plus(noise(random, n), share, removed))]
}

t.test('planted penalties are found', async (t) => {
  const ratings = planted(1, 4000, [0.3, 0.8, 2])
  const { penalties } = debias(ratings, [0], { ...BISECT, threshold: 1e-4 })
  t.strictSame(
    penalties.map(({ objective, removed, outcome }) => [objective, removed, outcome]),
    [1, 2, 3].map((objective) => [objective, 0, 'passed'])
  )
  for (const [i, share] of [0.3, 0.8, 2].entries()) {
    t.ok(Math.abs(penalties[i]!.penalty - share) < 0.05, `${penalties[i]!.penalty} for ${share}`)
  }
})

t.test('the transform is applied from the right and takes the removed objective to 0', async (t) => {
  const ratings = planted(2, 500, [0.5, -0.5])
  const { penalties, transform } = debias(ratings, [0], GRID)
  const [first, second] = penalties.map(({ penalty }) => penalty)
  t.strictSame(transform, [
    [0, -first!, 0],
    [0, 1, 0],
    [0, 0, 1]
  ])
  t.equal(second, 0)
  const adjusted = transformed(ratings, transform)
  t.ok(adjusted[0]!.every((value) => value === 0))
  t.same(adjusted[1], plus(ratings[1]!, -first!, ratings[0]!))
  t.equal(spearman(adjusted[1]!, ratings[0]!), penalties[0]!.after)
  t.equal(spearman(ratings[1]!, ratings[0]!), penalties[0]!.before)
})

t.test("the paper's rule takes the first penalty of its grid that is enough, and looks at one side only", async (t) => {
  const ratings = planted(3, 1000, [0.33, -1, 5])
  const { penalties } = debias(ratings, [0], GRID)
  const first = PENALTY_GRID.find((p) => spearman(plus(ratings[1]!, -p, ratings[0]!), ratings[0]!) <= 0.03)
  t.match(penalties, [
    { penalty: first, outcome: /passed|negative/ },
    { penalty: 0, outcome: 'negative' },
    { penalty: 1, outcome: 'failed' }
  ])
  t.ok(first! > 0.2 && first! < 0.45)
})

t.test('objectives that go against the removed one are lifted only when that is allowed', async (t) => {
  const ratings = planted(4, 2000, [-0.7])
  t.match(debias(ratings, [0], BISECT).penalties, [{ penalty: 0, outcome: 'negative' }])
  const [found] = debias(ratings, [0], { ...BISECT, allowNegative: true }).penalties
  t.equal(found!.outcome, 'passed')
  t.ok(Math.abs(found!.penalty + 0.7) < 0.08, `${found!.penalty}`)
  t.ok(found!.after < 0 && found!.after >= -0.03, 'as little as need be')
})

t.test('what follows the removed objective wholly, or nobody, is told', async (t) => {
  const removed = noise(seeded(5), 200)
  const times = (factor: number) => removed.map((value) => factor * value)
  const ratings = [removed, times(2), times(1.7), new Float64Array(200).fill(3)]
  const [double, multiple, constant] = debias(ratings, [0], BISECT).penalties
  t.strictSame([double!.outcome, multiple!.outcome], ['failed', 'failed'])
  t.match(constant, { penalty: 0, before: NaN, outcome: 'passed' })
})

t.test('penalties by bisection are the smallest, and follow the scales of the ratings', async () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.double({ min: 0.1, max: 3, noNaN: true }),
      fc.constantFrom(0.001, 7, 1e4),
      (seed, share, scale) => {
        const ratings = planted(seed, 150, [share])
        const times = (index: number) =>
          ratings.map((values, i) => (i === index ? values.map((v) => v * scale) : values))
        const [found] = debias(ratings, [0], BISECT).penalties
        const penalty = found!.penalty
        const [louder] = debias(times(1), [0], BISECT).penalties
        const [wider] = debias(times(0), [0], BISECT).penalties
        const less = spearman(plus(ratings[1]!, -penalty * 0.999, ratings[0]!), ratings[0]!)
        return (
          (penalty === 0
            ? found!.before <= 0.03
            : found!.after <= 0.03 && less > found!.after - 1e-12 && less >= 0.03 - 0.02) &&
          Math.abs(louder!.penalty / scale - penalty) < 1e-6 * (1 + penalty) &&
          Math.abs(wider!.penalty * scale - penalty) < 1e-6 * (1 + penalty)
        )
      }
    ),
    { numRuns: 60 }
  )
})

t.test('several are removed at once, even where they go together', async (t) => {
  const random = seeded(6)
  const length = noise(random, 3000)
  const flattery = plus(noise(random, 3000), 0.8, length)
  const others = [0.5, 0, 1.5].map((share) => plus(plus(noise(random, 3000), share, length), 0.6, flattery))
  const ratings = [others[0]!, length, others[1]!, flattery, others[2]!]
  const { penalties, transform } = debias(ratings, [3, 1], BISECT)
  t.strictSame(
    penalties.map(({ objective, removed, outcome }) => [objective, removed, outcome]),
    [0, 2, 4].flatMap((objective) => [3, 1].map((removed) => [objective, removed, 'passed']))
  )
  for (const row of transform) t.strictSame([row[1], row[3]], [0, 0])
  const adjusted = transformed(ratings, transform)
  for (const { objective, removed, penalty, after } of penalties) {
    t.equal(spearman(adjusted[objective]!, ratings[removed]!), after)
    t.ok(Math.abs(after) <= 0.03)
    t.equal(transform[removed]![objective], penalty === 0 ? 0 : -penalty)
  }
  t.ok(Math.abs(penalties[0]!.penalty - 0.6) < 0.1, 'what was planted')
  t.ok(Math.abs(penalties[1]!.penalty - 0.5) < 0.1)
})

t.test('nothing removed leaves ratings as they are', async (t) => {
  const ratings = planted(7, 10, [1])
  const { penalties, transform } = debias(ratings, [], BISECT)
  t.strictSame(penalties, [])
  t.same(transformed(ratings, transform), ratings)
})
