import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Random, seeded } from '../../../src/random.js'
import { trainSettings, type TrainSettings } from '../../../src/train/settings.js'
import { readStage1, type Stage1Result } from '../../../src/train/stage1/result.js'
import { splitPairs } from '../../../src/train/pairs.js'
import { inValidation } from '../../../src/train/split.js'
import { runStage1 } from '../../../src/train/stage1/stage1.js'
import { normal } from '../../heads/matrices.js'
import { ROOT } from '../../support/paths.js'
import { type MadeSet, writeSet } from '../made-sets.js'

const settings = (stated: object): TrainSettings => trainSettings(stated, 'train.json')
const silent = { line: () => undefined, progress: () => undefined }
const NONE: Partial<TrainSettings> = { derived: [] }

interface Fixture {
  readonly seed: number
  readonly validation: number
  readonly hidden: number
  readonly alphas: number[]
  readonly rows: { key: string; split: 'train' | 'heldout' }[]
  readonly states: number[]
  readonly labels: (number | null)[]
  readonly objectives: {
    name: string
    grid: number[]
    chosen: number
    fits: { weights: number[]; heldout: number[] }[]
  }[]
}

const FIXTURE = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/train/stage1/ridge.json'), 'utf8')) as Fixture

const fixtureSet: MadeSet = {
  set: 'ratings',
  hidden: FIXTURE.hidden,
  objectives: FIXTURE.objectives.map(({ name }) => name),
  rows: FIXTURE.rows,
  tensors: { response_states: FIXTURE.states, labels: FIXTURE.labels.map((label) => label ?? NaN) }
}

/** What a head answers for the held-out rows of the fixture, row by row. */
function heldOut(weight: Float32Array, objective: number): number[] {
  const { hidden, rows, states } = FIXTURE
  return rows.flatMap(({ split }, row) => {
    if (split !== 'heldout') return []
    let sum = 0
    for (let i = 0; i < hidden; i++) sum += states[row * hidden + i]! * weight[objective * hidden + i]!
    return [sum]
  })
}

const largest = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)

t.test("every alpha gives scikit-learn's weights and held-out predictions", async (t) => {
  const work = t.testdir()
  await writeSet(work, fixtureSet)
  const { seed, validation, alphas, objectives, hidden } = FIXTURE
  for (const [at, alpha] of alphas.entries()) {
    await runStage1(work, settings({ seed, derived: [], stage1: { alphas: [alpha], validation } }), silent)
    const { weight } = await readStage1(work)
    objectives.forEach(({ name, fits }, i) => {
      const { weights, heldout } = fits[at]!
      t.ok(largest(heldOut(weight, i), heldout) < 1e-4, `${name}, alpha ${alpha}: predictions`)
      const own = [...weight.subarray(i * hidden, (i + 1) * hidden)]
      if (alpha >= 1) t.ok(largest(own, weights) < 1e-4, `${name}, alpha ${alpha}: weights`)
    })
  }
})

t.test('the alpha with the least error on validation rows is taken, and fitted again with them', async (t) => {
  const work = t.testdir()
  await writeSet(work, fixtureSet)
  const { seed, validation, alphas, objectives, hidden } = FIXTURE
  const options = { seed, derived: [], stage1: { alphas: [...alphas].reverse(), validation } }
  const result = await runStage1(work, settings(options), silent)
  const { weight, result: stored } = await readStage1(work)
  t.strictSame(JSON.parse(JSON.stringify(result)), JSON.parse(JSON.stringify(stored)))
  objectives.forEach(({ name, grid, chosen, fits }, i) => {
    const found = result.objectives[i]!
    t.match(found, { name, source: 'rated', alpha: chosen })
    t.strictSame(
      found.grid.map(({ alpha }) => alpha),
      alphas
    )
    t.ok(
      largest(
        found.grid.map(({ mse }) => mse!),
        grid
      ) < 1e-6,
      `${name}: errors`
    )
    t.equal(found.validation_mse, found.grid[alphas.indexOf(chosen)]!.mse)
    const fit = fits[alphas.indexOf(chosen)]!
    t.ok(largest([...weight.subarray(i * hidden, (i + 1) * hidden)], fit.weights) < 1e-5, `${name}: weights`)
    t.ok(found.heldout!.rows > 10 && found.heldout!.mse < 1.6)
  })
  t.match(result.warnings, [/^sparse: the largest alpha, 10000, has the least error/])
  t.match(result.split, { seed, validation, rows: { heldout: 40 } })
  t.match(result.grams, { count: 3, bytes: 3 * hidden ** 2 * 8 })
  t.ok(result.parts.every(({ part, seconds, peak_memory }) => part && seconds >= 0 && peak_memory > 1e6))

  // Without refit the weights are those of the training rows alone, and the choice is the same.
  const half = await runStage1(work, settings({ ...options, stage1: { ...options.stage1, refit: false } }), silent)
  t.strictSame(
    half.objectives.map(({ alpha }) => alpha),
    result.objectives.map(({ alpha }) => alpha)
  )
  half.objectives.forEach(({ rows }, i) => {
    t.equal(rows + result.objectives[i]!.validation_rows, result.objectives[i]!.rows)
  })
  t.not(half.fingerprint, result.fingerprint)
})

/** 200 rows of 2 objectives that states of 4 numbers decide. */
function planted(random: Random, change: Partial<MadeSet> = {}): MadeSet {
  const states = Float32Array.from({ length: 800 }, () => normal(random))
  const labels = Array.from({ length: 200 }, (_, i) => [states[4 * i]! * 0.5, states[4 * i + 1]! - states[4 * i + 2]!])
  const rows = labels.map((_, i) => ({ tokens: 1 + Math.round(Math.exp(states[4 * i + 3]! + 4)) }))
  return {
    set: 'ratings',
    hidden: 4,
    objectives: ['a', 'b'],
    rows,
    tensors: { response_states: states, labels: labels.flat() },
    ...change
  }
}

async function run(t: Test, set: MadeSet, stated: object = {}): Promise<Stage1Result> {
  const work = t.testdir()
  await writeSet(work, set)
  return runStage1(work, settings(stated), silent)
}

t.test('verbosity is derived from the length, unless a file rates it', async (t) => {
  const set = planted(seeded(1))
  const result = await run(t, set)
  t.match(
    result.objectives.map(({ name, source }) => [name, source]),
    [
      ['a', 'rated'],
      ['b', 'rated'],
      ['verbosity', 'derived']
    ]
  )
  const [derived] = result.derived
  t.match(derived, { name: 'verbosity', from: 'response_tokens' })
  const lengths = set.rows.map(({ tokens }) => Number(tokens)).sort((a, b) => a - b)
  t.ok(derived!.low >= lengths[1]! && derived!.low <= lengths[2]!, '1st percentile')
  t.ok(derived!.high >= lengths[197]! && derived!.high <= lengths[198]!, '99th percentile')
  t.ok(result.objectives[2]!.spearman! > 0.9, 'a state is the logarithm of the length')
  t.strictSame((await run(t, { ...set, objectives: ['a', 'verbosity'] })).derived, [])
})

t.test('objectives have the order of the settings; a derived one has the scale that they state', async (t) => {
  const derived = [{ name: 'long', from: 'response_characters', low: 1, high: 100 }]
  const set = planted(seeded(2))
  const rows = set.rows.map((row, i) => ({ ...row, characters: [1, 10, 100, 1000, 0][i % 5]! }))
  // Of a constant state the least squares weight is the labels' mean: here of 0, 1/2, 1, 1, 0.
  const states = new Float32Array(200).fill(1)
  const made = { ...set, rows, hidden: 1, tensors: { ...set.tensors, response_states: states } }
  const work = t.testdir()
  await writeSet(work, made)
  const result = await runStage1(
    work,
    settings({ objectives: ['long', 'a'], derived, stage1: { alphas: [1e-6] } }),
    silent
  )
  t.strictSame(
    result.objectives.map(({ name }) => name),
    ['long', 'a']
  )
  t.strictSame(result.derived, derived)
  const { weight } = await readStage1(work)
  t.ok(Math.abs(weight[0]! - 0.5) < 1e-6, `${weight[0]}`)
})

t.test('planted weights are found, by either plan of Gram matrices', async (t) => {
  const set = planted(seeded(3))
  const masks = [
    // Two patterns of labels; then three, more than objectives.
    [[0, 1], [0]],
    [[0], [1], [0, 1]]
  ]
  for (const patterns of masks) {
    const labels = Array.from(set.tensors['labels']!, (label, i) =>
      patterns[Math.floor(i / 2) % patterns.length]!.includes(i % 2) ? label : NaN
    )
    const work = t.testdir()
    await writeSet(work, { ...set, tensors: { ...set.tensors, labels } })
    const result = await runStage1(work, settings({ ...NONE, stage1: { alphas: [1e-4] } }), silent)
    t.equal(result.grams.count, 2)
    const { weight } = await readStage1(work)
    const wanted = [0.5, 0, 0, 0, 0, 1, -1, 0]
    t.ok(largest([...weight], wanted) < 1e-5, weight.join())
    for (const { r2, spearman } of result.objectives) t.ok(r2! > 0.999 && spearman! > 0.999)
    t.equal(result.objectives[0]!.heldout, null)
  }
})

t.test('bad data are named', async (t) => {
  const set = planted(seeded(4))
  const refused = (code: string, message: RegExp) => ({ code, message })
  const labelled = (change: (label: number, row: number, column: number) => number): MadeSet => {
    const labels = Array.from(set.tensors['labels']!, (label, i) => change(label, Math.floor(i / 2), i % 2))
    return { ...set, tensors: { ...set.tensors, labels } }
  }
  const cases: [MadeSet, object, string, RegExp][] = [
    [
      labelled((label, _, column) => (column ? NaN : label)),
      { objectives: ['a', 'b'] },
      'invalid_data',
      /^objective b cannot be trained: no row that is not held out/
    ],
    [
      labelled((label, _, column) => (column ? 1 : label)),
      {},
      'invalid_data',
      /objective b .* labels are all 1, so there is one class only/
    ],
    [
      labelled((label, row, column) => (column && row > 11 ? NaN : label)),
      {},
      'invalid_data',
      /objective b .* training rows have a label, stage1.min_rows is 20/
    ],
    [labelled(() => NaN), NONE, 'invalid_data', /no row that is not held out has a label/],
    [
      set,
      { objectives: ['a', 'c'] },
      'invalid_config',
      /names c, which is neither rated nor derived \(a, b, verbosity\)/
    ],
    [set, { objectives: ['a', 'a'] }, 'invalid_config', /names a twice/],
    [set, { derived: [{ name: 'a', from: 'response_tokens' }] }, 'invalid_config', /derived objective a is rated/],
    [
      set,
      { derived: [{ name: 'd', from: 'response_characters' }] },
      'invalid_config',
      /derived objective d: .* from a length of 5 to 5/
    ],
    [
      {
        ...set,
        rows: set.rows.map((row, i) => ({ ...row, key: `k${i % 150}`, split: i === 30 ? 'heldout' : 'train' }))
      },
      {},
      'invalid_data',
      /^ratings.jsonl:31 is held out, but ratings.jsonl:181 has the same key and is not$/
    ],
    [
      {
        ...set,
        tensors: {
          ...set.tensors,
          response_states: Float32Array.from({ length: 800 }, (_, i) => (i === 41 ? Infinity : i % 7))
        }
      },
      {},
      'invalid_data',
      /^the state of ratings.jsonl:11 is not finite$/
    ]
  ]
  for (const [made, stated, code, message] of cases) await t.rejects(run(t, made, stated), refused(code, message))
  await t.rejects(
    run(t, set, { stage1: { alpha: [1] } }),
    refused('invalid_config', /stage1\/alpha is not a known key/)
  )
  await t.rejects(runStage1(t.testdir(), settings({}), silent), refused('invalid_work', /holds no embeddings/))
})

t.test('objectives with no labels but held-out ones are left out, and told', async (t) => {
  const set = planted(seeded(5))
  const labels = Array.from(set.tensors['labels']!, (label, i) => (i % 2 === 1 && i > 20 ? NaN : label))
  const rows = set.rows.map((row, i) => ({ ...row, split: i > 20 ? ('train' as const) : ('heldout' as const) }))
  const work = t.testdir()
  await writeSet(work, { ...set, rows, tensors: { ...set.tensors, labels } })
  const lines: string[] = []
  const result = await runStage1(work, settings({}), { ...silent, line: (text) => lines.push(text) })
  t.strictSame(
    result.objectives.map(({ name }) => name),
    ['a', 'verbosity']
  )
  t.equal(lines[1], 'stage1: without labels on rows that are not held out: b')
})

t.test('prompts of test pairs are held out as if the data said so', async (t) => {
  const random = seeded(5)
  const count = 400
  const values = (size: number) => Array.from({ length: size }, () => normal(random))
  const rows = Array.from({ length: count }, (_, i) => ({ key: `prompt ${i % 200}` }))
  const tensors = { response_states: values(count * 3), labels: values(count) }
  const ratings = { set: 'ratings', hidden: 3, objectives: ['a'], rows, tensors } as const
  const pairs = (more: object) => {
    const rows = Array.from({ length: 100 }, (_, i) => ({ key: `prompt ${i}`, ...more }))
    return { set: 'preferences', hidden: 3, rows, tensors: {} } as const
  }
  const trained = async (name: string, sets: readonly MadeSet[], stated: object) => {
    const work = join(t.testdirName, name)
    for (const set of sets) await writeSet(work, set)
    const { split } = await runStage1(work, settings({ ...NONE, ...stated }), silent)
    return { split, weight: (await readStage1(work)).weight }
  }
  t.testdir()
  const all = await trained('alone', [ratings], {})
  t.equal(all.split.rows.heldout, 0)
  t.equal(all.split.test_prompts?.keys, 0)

  const held = await trained('held', [ratings, pairs({})], { stage2: { test_share: 0.5 } })
  const { keys } = held.split.test_prompts!
  t.ok(keys > 30 && keys < 70, `${keys} of 100`)
  t.equal(held.split.rows.heldout, 2 * keys)
  const chosen = splitPairs(pairs({}).rows as never, { seed: 1, validationShare: 0.1, testShare: 0.5 }).test
  const tested = new Set([...chosen].map((row) => `prompt ${row}`))
  const stated = rows.map(({ key }) => ({ key, ...(tested.has(key) && { split: 'heldout' as const }) }))
  const same = await trained('stated', [{ ...ratings, rows: stated }], {})
  t.strictSame(held.weight, same.weight)
  t.notSame(held.weight, all.weight)

  const everyPrompt = { ...pairs({}), rows: Array.from({ length: 200 }, (_, i) => ({ key: `prompt ${i}` })) }
  const { split } = await trained('every prompt', [ratings, everyPrompt], { stage2: { test_share: 0.2 } })
  t.ok(split.rows.validation > 30 && split.rows.heldout > 50, 'some are left to choose alpha by')

  const off = await trained('off', [ratings, pairs({})], { hold_out_test_prompts: false })
  t.strictSame(off.weight, all.weight)
  const byData = await trained('by data', [ratings, pairs({ split: 'heldout' })], {})
  t.equal(byData.split.rows.heldout, 200, 'what the pairs hold out, the ratings do')
})

t.test('an alpha that is too small with the validation rows leaves the fit of the training rows', async (t) => {
  const work = t.testdir()
  const [hidden, count] = [24, 200]
  const random = seeded(9)
  const rows = Array.from({ length: count }, (_, i) => ({ key: `k${i}` }))
  const validation = rows.map(({ key }) => inValidation(key, 1, 0.2))
  // Rows for training leave directions to alpha alone; those for validation are so large that rounding outweighs it there.
  const response_states = rows.flatMap((_, i) => {
    const size = normal(random)
    return Array.from({ length: hidden }, (_, j) => {
      if (validation[i]) return 1e7 * size * Math.cos(j)
      return j < 4 ? normal(random) : 0
    })
  })
  const labels = rows.map(() => random())
  await writeSet(work, { set: 'ratings', hidden, objectives: ['a'], rows, tensors: { response_states, labels } })
  const stated = (refit: boolean) => settings({ ...NONE, stage1: { alphas: [1e-9], refit } })
  const result = await runStage1(work, stated(true), silent)
  const { weight } = await readStage1(work)
  t.match(result.warnings.at(-1), /a: alpha 1e-9 is too small to fit again/)
  t.equal(result.objectives[0]!.rows, validation.filter((held) => !held).length)
  await runStage1(work, stated(false), silent)
  t.strictSame(weight, (await readStage1(work)).weight)
})
