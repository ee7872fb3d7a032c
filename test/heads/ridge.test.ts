import fc from 'fast-check'
import t from 'tap'
import { planGrams, RidgeSums } from '../../src/heads/ridge.js'
import { type Random, seeded } from '../../src/random.js'
import { addRow, eliminate, normal, plainProduct } from './matrices.js'

t.test('rows with the same labels share a Gram matrix', async (t) => {
  const plan = planGrams([
    [0, 1],
    [2, 3, 4]
  ])
  t.strictSame(plan.grams, [
    [0, 1],
    [2, 3, 4]
  ])
  t.strictSame(plan.groups, [
    { objectives: [0, 1], grams: [0] },
    { objectives: [2, 3, 4], grams: [1] }
  ])
  t.strictSame(plan.ofPattern.get('2,3,4'), [1])
})

t.test('an objective in several patterns has the sum of their matrices', async (t) => {
  const { groups } = planGrams([[0, 2], [1, 2], [2]])
  t.strictSame(groups, [
    { objectives: [0], grams: [0] },
    { objectives: [1], grams: [1] },
    { objectives: [2], grams: [0, 1, 2] }
  ])
})

t.test('where patterns outnumber objectives, each of these has a matrix', async (t) => {
  const plan = planGrams([[0], [1], [0, 1]])
  t.strictSame(plan.grams, [[0], [1]])
  t.strictSame(plan.ofPattern.get('0,1'), [0, 1])
  t.strictSame(plan.groups, [
    { objectives: [0], grams: [0] },
    { objectives: [1], grams: [1] }
  ])
})

interface Rows {
  readonly states: number[][]
  readonly labels: number[][]
}

function sumsOf({ states, labels }: Rows): RidgeSums {
  const patterns = new Map<string, number[]>()
  for (const row of labels) {
    const pattern = [...row.keys()].filter((objective) => !Number.isNaN(row[objective]))
    if (pattern.length > 0) patterns.set(pattern.join(','), pattern)
  }
  const sums = new RidgeSums(planGrams([...patterns.values()]), states[0]!.length, labels[0]!.length)
  states.forEach((state, i) => addRow(sums, state, labels[i]!))
  return sums
}

/** Weights of each objective. */
async function solve(sums: RidgeSums, alpha: number): Promise<number[][]> {
  const weights: number[][] = []
  const scratch = new Float64Array(sums.hidden ** 2)
  for (const group of sums.plan.groups) {
    const solution = await sums.solve(group, alpha, scratch, plainProduct)
    group.objectives.forEach((objective, i) => (weights[objective] = [...solution![i]!]))
  }
  return weights
}

/** Random rows: each has one of a few sets of labels; some have none. */
function made(
  random: Random,
  objectives: number,
  hidden: number,
  count: number
): Rows & { readonly planted: number[][] } {
  const planted = Array.from({ length: objectives }, () => Array.from({ length: hidden }, () => normal(random)))
  const patterns = Array.from({ length: 1 + Math.floor(random() * 6) }, () => planted.map(() => random() < 0.5))
  const states = Array.from({ length: count }, () => Array.from({ length: hidden }, () => normal(random)))
  const labels = states.map((state, i) => {
    // Every objective has labels on some rows.
    const has = i < 3 * hidden ? planted.map(() => true) : patterns[i % patterns.length]!
    return planted.map((weights, j) => (has[j] ? weights.reduce((sum, w, k) => sum + w * state[k]!, 0) : NaN))
  })
  return { planted, states, labels }
}

t.test('planted weights are found, whatever labels are missing', async () => {
  const dimension = fc.integer({ min: 1, max: 7 })
  await fc.assert(
    fc.asyncProperty(fc.integer(), dimension, dimension, async (seed, objectives, hidden) => {
      const rows = made(seeded(seed), objectives, hidden, 100)
      const weights = await solve(sumsOf(rows), 1e-8)
      return rows.planted.every((w, i) => w.every((value, k) => Math.abs(value - weights[i]![k]!) < 1e-5))
    }),
    { numRuns: 40 }
  )
})

t.test('weights and errors are those of the labelled rows by themselves', async () => {
  const alphas = fc.constantFrom(1e-3, 1, 50)
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.integer({ min: 2, max: 4 }), alphas, async (seed, objectives, alpha) => {
      const random = seeded(seed)
      const rows = made(random, objectives, 4, 40)
      rows.labels.forEach((row) => row.forEach((_, j) => (row[j]! += normal(random))))
      const sums = sumsOf(rows)
      const weights = await solve(sums, alpha)
      const scratch = new Float64Array(16)
      return sums.plan.groups.every((group) => {
        const errors = sums.errors(
          group,
          group.objectives.map((o) => Float64Array.from(weights[o]!)),
          scratch
        )
        return group.objectives.every((objective, at) => {
          const own = rows.states.flatMap((state, i) => {
            const label = rows.labels[i]![objective]!
            return Number.isNaN(label) ? [] : [{ state, label }]
          })
          const gram = [0, 1, 2, 3].map((i) =>
            [0, 1, 2, 3].map((j) => own.reduce((sum, { state }) => sum + state[i]! * state[j]!, i === j ? alpha : 0))
          )
          const target = [0, 1, 2, 3].map((i) => own.reduce((sum, { state, label }) => sum + state[i]! * label, 0))
          const wanted = eliminate(gram, target)
          const error = own.reduce(
            (sum, { state, label }) => sum + (state.reduce((s, x, k) => s + x * wanted[k]!, 0) - label) ** 2,
            0
          )
          return (
            wanted.every((value, k) => Math.abs(value - weights[objective]![k]!) < 1e-8) &&
            Math.abs(error / own.length - errors[at]!) < 1e-8 &&
            sums.rows[objective] === own.length
          )
        })
      })
    }),
    { numRuns: 40 }
  )
})

t.test('weights follow the scale of labels, and against that of states when alpha does too', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.constantFrom(0.01, 3, 100), async (seed, scale) => {
      const rows = made(seeded(seed), 2, 4, 40)
      const times = (matrix: number[][]) => matrix.map((row) => row.map((value) => value * scale))
      const plain = await solve(sumsOf(rows), 2)
      const labels = await solve(sumsOf({ ...rows, labels: times(rows.labels) }), 2)
      const states = await solve(sumsOf({ ...rows, states: times(rows.states) }), 2 * scale ** 2)
      return plain.every((weights, i) =>
        weights.every(
          (value, k) =>
            Math.abs(labels[i]![k]! / scale - value) < 1e-9 && Math.abs(states[i]![k]! * scale - value) < 1e-9
        )
      )
    }),
    { numRuns: 20 }
  )
})

t.test('tells when alpha is too small for rows that do not span the states', async (t) => {
  const sums = sumsOf({ states: [[1e8, 1e8]], labels: [[1]] })
  const group = sums.plan.groups[0]!
  t.equal(await sums.solve(group, 1e-4, new Float64Array(4), plainProduct), null)
  t.ok(await sums.solve(group, 100, new Float64Array(4), plainProduct))
})
