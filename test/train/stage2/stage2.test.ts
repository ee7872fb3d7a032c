import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { trainSettings } from '../../../src/train/settings.js'
import { readStage2 } from '../../../src/train/stage2/result.js'
import { runStage2, stage2Fingerprint } from '../../../src/train/stage2/stage2.js'
import { CLUSTERS, OBJECTIVES, type Planted, plantedWork, QUICK } from '../../support/planted-work.js'

const one = (cluster: number) => [0, 1, 2, 3].map((j) => (j === cluster ? 1 : 0))

/** A log that keeps its lines. */
function kept() {
  const lines: string[] = []
  return { lines, log: { line: (text: string) => void lines.push(text), progress: () => undefined } }
}

const settingsOf = (stage2: object) => trainSettings({ seed: 1, stage2: { ...QUICK, ...stage2 } }, 'test')

async function work(folder: string, planted: Partial<Planted> = {}): Promise<string> {
  await plantedWork(folder, { pairs: 1500, seed: 1, decides: one, ...planted })
  return folder
}

t.test('a gate that follows the prompt', async (t) => {
  const folder = await work(t.testdir({}))
  const { lines, log } = kept()
  const result = await runStage2(folder, settingsOf({}), log)
  t.same(result.warnings, [])
  t.ok(result.best.validation_accuracy > Math.max(...Object.values(result.simpler)) + 0.1)
  for (const [cluster, name] of CLUSTERS.entries()) {
    const { weights } = result.weights.categories[name]!
    t.equal(weights.indexOf(Math.max(...weights)), cluster, `${name} goes by ${OBJECTIVES[cluster]}`)
  }
  const { train, validation, test } = result.split.pairs
  t.equal(train + validation + test, 1500)
  t.equal(lines.filter((line) => line.includes('accuracy')).length, result.curve.length, 'a line for each look')

  const stored = await readStage2(folder)
  t.same(stored.result, JSON.parse(JSON.stringify(result)))
  t.equal(stored.gate['logit_scale']![0], result.logit_scale)
  const first = await readFile(join(folder, 'gating.safetensors'))
  await runStage2(folder, settingsOf({}), log)
  t.ok(first.equals(await readFile(join(folder, 'gating.safetensors'))), 'the same again, bit for bit')
})

t.test('where the prompt does not matter it says so', async (t) => {
  const folder = await work(t.testdir({}), { decides: () => [0.6, 0.3, 0.1, 0], seed: 3 })
  const { lines, log } = kept()
  // The first gate is all but even, and no step may do better than it.
  const { warnings, best } = await runStage2(folder, settingsOf({ learning_rate: 0.002 }), log)
  const signs = warnings.map(({ sign }) => sign)
  t.ok(best.variation < 0.02, `variation ${best.variation}`)
  t.ok(signs.includes('not_better_than_baselines'))
  t.equal(lines.filter((line) => line.includes('warning')).length, warnings.length)
})

t.test('of several seeds the best gate is kept', async (t) => {
  const folder = await work(t.testdir({}), { pairs: 600 })
  const { log } = kept()
  const result = await runStage2(folder, settingsOf({ seeds: [3, 4, 5], steps: 30, evaluate_every: 10 }), log)
  const losses = result.seeds.map(({ best }) => best.validation_loss)
  t.equal(new Set(losses).size, 3)
  t.equal(result.best.validation_loss, Math.min(...losses))
  t.equal(result.seed, [3, 4, 5][losses.indexOf(Math.min(...losses))])
})

t.test('rows that state their split are tested on as they say', async (t) => {
  // The second pair of a key says nothing else than the first.
  const folder = await work(t.testdir({}), { pairs: 600, split: (index) => (index % 4 === 0 ? 'heldout' : 'train') })
  const { log } = kept()
  const { split } = await runStage2(folder, settingsOf({ steps: 2 }), log)
  t.equal(split.pairs.test, 300, 'both pairs of a key of which one is held out')
})

t.test('a category may have the name of what every object has', async (t) => {
  const category = (index: number) => ['constructor', '__proto__', 'chat'][index % 3]!
  const folder = await work(t.testdir({}), { pairs: 300, category })
  const { weights } = await runStage2(folder, settingsOf({ steps: 2 }), kept().log)
  t.strictSame(Object.keys(weights.categories).sort(), ['__proto__', 'chat', 'constructor'])
  const pairs = Object.values(weights.categories).reduce((sum, { pairs }) => sum + pairs, 0)
  t.equal(pairs, weights.all.pairs)
})

t.test('margins weigh pairs', async (t) => {
  const folder = await work(t.testdir({}), { pairs: 600, margins: true })
  const { log } = kept()
  const even = await runStage2(folder, settingsOf({ steps: 10 }), log)
  const weighed = await runStage2(folder, settingsOf({ steps: 10, margins: 'weigh' }), log)
  t.ok(weighed.curve[0]!.validation_loss < even.curve[0]!.validation_loss, 'clear pairs count more')
})

t.test('the fingerprint follows what decides the gate', async (t) => {
  const madeFrom = { stage1: 'a', debias: 'b', preferences: 'c' }
  const print = (stage2: object, from: object = {}) => stage2Fingerprint({ ...madeFrom, ...from }, settingsOf(stage2))
  t.equal(print({}), print({}))
  t.not(print({}), print({ width: 17 }))
  t.equal(print({}), print({ ablations: [] }), 'ablations are not part of it')
  for (const part of Object.keys(madeFrom)) t.not(print({}), print({}, { [part]: 'another' }), part)
})

t.test('what is missing is named', async (t) => {
  const folder = await work(t.testdir({}), { pairs: 40 })
  const { log } = kept()
  await t.rejects(runStage2(folder, settingsOf({ test_share: 1e-9 }), log), {
    code: 'invalid_work',
    message: /40 pairs leave none for the test part/
  })
  await t.rejects(readStage2(folder), { code: 'invalid_work', message: /stage2\.json does not exist/ })
  await rm(join(folder, 'debias.json'))
  await t.rejects(runStage2(folder, settingsOf({}), log), {
    code: 'invalid_work',
    message: /debias\.json .*train debias/
  })
})
