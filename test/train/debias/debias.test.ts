import t from 'tap'
import { writeSafetensors } from '../../../src/checkpoint/write-safetensors.js'
import { spearman } from '../../../src/heads/spearman.js'
import { seeded } from '../../../src/random.js'
import { runDebias } from '../../../src/train/debias/debias.js'
import { readDebias } from '../../../src/train/debias/result.js'
import type { DebiasSettings } from '../../../src/train/debias/settings.js'
import { testPrompts } from '../../../src/train/test-prompts.js'
import { type Stage1Result, writeStage1 } from '../../../src/train/stage1/result.js'
import { normal } from '../../heads/matrices.js'
import { type MadeSet, writeSet } from '../made-sets.js'

const SETTINGS: DebiasSettings = { removed: ['verbosity'], rule: 'bisect', threshold: 0.03, allow_negative: false }
const silent = { line: () => undefined, progress: () => undefined }

/** A head whose ratings are: a = x0, verbosity = x1, flat = 0. */
const WEIGHT = Float32Array.of(1, 0, 0, 1, 0, 0)
const NAMES = ['a', 'verbosity', 'flat']

function trained(revision = 'r1'): Stage1Result {
  const objectives = NAMES.map((name) => ({
    name,
    source: 'rated' as const,
    alpha: 1,
    rows: 10,
    train_mse: 0,
    validation_mse: 0,
    validation_rows: 2,
    r2: 1,
    spearman: 1,
    heldout: null,
    grid: []
  }))
  return {
    format: 1,
    fingerprint: 'f1',
    model: { name: 'made', revision },
    hidden: 2,
    objectives,
    derived: [],
    split: { seed: 1, validation: 0.2, rows: { train: 8, validation: 2, heldout: 0 } },
    settings: { alphas: [1], validation: 0.2, refit: true, min_rows: 2 },
    warnings: [],
    grams: { count: 1, bytes: 32 },
    parts: []
  }
}

/** States of n responses, in which x0 follows x1. */
function states(seed: number, n: number, share = 0.5): Float32Array {
  const random = seeded(seed)
  const values = new Float32Array(2 * n)
  for (let i = 0; i < n; i++) {
    values[2 * i + 1] = normal(random)
    values[2 * i] = normal(random) + share * values[2 * i + 1]!
  }
  return values
}

const column = (values: Float32Array, at: number) => [...values].filter((_, i) => i % 2 === at)

function preferences(pairs: number, change: Partial<MadeSet> = {}): MadeSet {
  return {
    set: 'preferences',
    hidden: 2,
    rows: Array.from({ length: pairs }, () => ({})),
    tensors: { chosen_states: states(1, pairs), rejected_states: states(2, pairs) },
    ...change
  }
}

t.test('over chosen and rejected responses where there is no reference', async (t) => {
  const work = t.testdir()
  await writeStage1(work, trained(), WEIGHT)
  // Held-out pairs, in which all goes the other way, do not count.
  const [chosen, rejected] = [states(1, 1000), states(2, 1000)]
  const held = states(3, 200, -5)
  const rows = Array.from({ length: 1200 }, (_, i) => (i < 1000 ? {} : { split: 'heldout' as const }))
  const tensors = { chosen_states: [...chosen, ...held], rejected_states: [...rejected, ...held] }
  await writeSet(work, preferences(1200, { rows, tensors }))
  const lines: string[] = []
  const result = await runDebias(work, { debias: SETTINGS }, { ...silent, line: (text) => lines.push(text) })
  t.equal(lines[0], 'debias: 2000 responses of the preferences, as there is no reference set')
  t.match(result, { removed: ['verbosity'], reference: { set: 'preferences', responses: 2000 }, warnings: [] })
  t.strictSame(JSON.parse(JSON.stringify(result)), await readDebias(work, trained()))

  const a = [...column(chosen, 0), ...column(rejected, 0)]
  const verbosity = [...column(chosen, 1), ...column(rejected, 1)]
  const [first, flat] = result.penalties
  t.match(first, { objective: 'a', removed: 'verbosity', outcome: 'passed' })
  t.match(flat, { objective: 'flat', penalty: 0, correlation_before: null, correlation_after: null })
  const adjusted = a.map((value, i) => value - first!.penalty * verbosity[i]!)
  t.ok(Math.abs(first!.correlation_before! - spearman(a, verbosity)) < 1e-9)
  t.ok(Math.abs(first!.correlation_after! - spearman(adjusted, verbosity)) < 1e-9)
  t.ok(first!.correlation_after! <= 0.03 && first!.penalty > 0.4 && first!.penalty < 0.6)
  t.strictSame(result.transform, [
    [1, 0, 0],
    [-first!.penalty, 0, 0],
    [0, 0, 1]
  ])
  const { before, after } = result.correlation
  t.equal(before[0]![1], first!.correlation_before)
  t.equal(after[0]![1], first!.correlation_after, "after, the removed one's raw rating stands for it")
  t.strictSame([before[2]![0], after[1]![1]], [null, 1])
})

t.test('over the reference responses where there are some', async (t) => {
  const work = t.testdir()
  await writeStage1(work, trained(), WEIGHT)
  await writeSet(work, preferences(10))
  const reference = { set: 'reference' as const, hidden: 2, rows: Array.from({ length: 1500 }, () => ({})) }
  await writeSet(work, { ...reference, tensors: { response_states: states(4, 1500, 2) } })
  const result = await runDebias(work, { debias: { ...SETTINGS, rule: 'grid' } }, silent)
  t.match(result, { rule: 'grid', reference: { set: 'reference', responses: 1500 } })
  t.match(result.penalties[0], { penalty: 1, outcome: 'failed' })
  t.match(result.warnings, [/^correlation of a with verbosity is 0\.\d+: no penalty brings it to the threshold$/])
})

t.test('few responses are told', async (t) => {
  const work = t.testdir()
  await writeStage1(work, trained(), WEIGHT)
  await writeSet(work, preferences(13))
  const { warnings } = await runDebias(work, { debias: { ...SETTINGS, removed: [] } }, silent)
  t.strictSame(warnings, ['26 responses tell correlations to about 0.20 only, the threshold is 0.03'])
})

t.test('what cannot be done is named', async (t) => {
  const work = t.testdir()
  await t.rejects(runDebias(work, { debias: SETTINGS }, silent), {
    code: 'invalid_work',
    message: /stage1.json does not exist/
  })
  await writeStage1(work, trained('r2'), WEIGHT)
  await writeSet(work, preferences(20))
  const rejects = (settings: DebiasSettings, code: string, message: RegExp) =>
    t.rejects(runDebias(work, { debias: settings }, silent), { code, message })
  await rejects(SETTINGS, 'invalid_work', /preferences is not of the model that stage 1 was trained on/)
  await writeStage1(work, trained(), WEIGHT)
  const removed = (...names: string[]) => ({ ...SETTINGS, removed: names })
  await rejects(
    removed('length'),
    'invalid_config',
    /names length, which stage 1 has not trained \(a, verbosity, flat\)/
  )
  await rejects(removed(...NAMES), 'invalid_config', /names all objectives/)
  await rejects(removed('flat'), 'invalid_data', /flat cannot be removed: it rates all preferences the same/)
  await t.rejects(readDebias(work, trained()), { code: 'invalid_work', message: /debias.json does not exist/ })
  await runDebias(work, { debias: SETTINGS }, silent)
  await t.rejects(readDebias(work, { ...trained(), objectives: trained().objectives.slice(1) }), {
    code: 'invalid_work',
    message: /is not of the objectives of stage 1/
  })
  await writeSafetensors(
    `${work}/stage1.safetensors`,
    new Map([['weight', { shape: [1, 2], values: WEIGHT.slice(4) }]])
  )
  await rejects(SETTINGS, 'invalid_work', /stage1.json and stage1.safetensors do not fit/)
})

t.test('a state that is not finite is named', async (t) => {
  const work = t.testdir()
  await writeStage1(work, trained(), WEIGHT)
  const rejected = states(2, 20)
  rejected[7] = NaN
  await writeSet(work, preferences(20, { tensors: { chosen_states: states(1, 20), rejected_states: rejected } }))
  const wanted = { code: 'invalid_data', message: 'the state of a response of preferences.jsonl:4 is not finite' }
  await t.rejects(runDebias(work, { debias: SETTINGS }, silent), wanted)
})

t.test('responses to the prompts of test pairs are left out', async (t) => {
  const work = t.testdir()
  const split = { ...trained().split, test_prompts: { share: 0.3, keys: 60, fingerprint: '' } }
  await writeStage1(work, { ...trained(), split }, WEIGHT)
  await writeSet(
    work,
    preferences(200, { tensors: { chosen_states: states(1, 200), rejected_states: states(2, 200) } })
  )
  const keys = await testPrompts(work, { seed: 1, testShare: 0.3 })
  t.ok(keys.size > 40 && keys.size < 80)
  const { reference } = await runDebias(work, { debias: SETTINGS }, silent)
  t.strictSame(reference, { set: 'preferences', responses: 2 * (200 - keys.size) })
})
