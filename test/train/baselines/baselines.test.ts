import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ARCHITECTURE } from '../../../src/checkpoint/config.js'
import { writeShards } from '../../../src/checkpoint/write-safetensors.js'
import { readHeads } from '../../../src/train/assemble/heads.js'
import { runBaselines, unfinished } from '../../../src/train/baselines/baselines.js'
import { readBaselines } from '../../../src/train/baselines/result.js'
import { trainSettings } from '../../../src/train/settings.js'
import { runStage2 } from '../../../src/train/stage2/stage2.js'
import { testPrompts, testPromptsOf } from '../../../src/train/test-prompts.js'
import { writeSet } from '../made-sets.js'
import { CLUSTERS, type Planted, plantedWork, QUICK } from '../../support/planted-work.js'

const QUIET = { line: () => undefined, progress: () => undefined }

const one = (cluster: number) => [0, 1, 2, 3].map((j) => (j === cluster ? 1 : 0))

async function run(folder: string, planted: Partial<Planted>) {
  await plantedWork(folder, { pairs: 1500, seed: 1, decides: one, ...planted })
  const settings = trainSettings({ seed: 1, stage2: { ...QUICK, test_share: 0.4 } }, 'test')
  const lines: string[] = []
  const log = { line: (text: string) => void lines.push(text), progress: () => undefined }
  await runStage2(folder, settings, log)
  lines.length = 0
  const result = await runBaselines(folder, settings, log)
  return { result, lines, row: (name: string) => result.rows.find((row) => row.name === name)! }
}

t.test('prompts that want different objectives: gating beats all that is the same for every prompt', async (t) => {
  const folder = t.testdir({})
  const { result, lines, row } = await run(folder, {})
  t.same(
    result.rows.map(({ name }) => name),
    [
      'gating',
      'uniform gating',
      'prompt-independent weights',
      'best single objective',
      'Bradley-Terry linear head',
      'longer is better (characters)',
      'longer is better (tokens)'
    ]
  )
  t.same(result.warnings, [])
  for (const { name, all, difference } of result.rows.slice(1)) {
    t.ok(difference.low > 0.1, `${name}: ${difference.difference}`)
    t.ok(Math.abs(difference.difference - (row('gating').all.accuracy - all.accuracy)) < 1e-12)
  }
  for (const { all, categories } of result.rows) {
    t.ok(all.low <= all.accuracy && all.accuracy <= all.high)
    t.same(Object.keys(categories), [...CLUSTERS].sort())
    const pairs = Object.values(categories).reduce((sum, category) => sum + category.pairs, 0)
    t.equal(pairs, all.pairs, 'categories are all of it')
  }
  t.ok(Math.abs(row('longer is better (characters)').all.accuracy - 0.5) < 0.06, 'length is noise here')
  t.ok(row('longer is better (tokens)').all.ties > 20 && row('gating').all.ties === 0)
  t.ok(lines.some((line) => line.startsWith('gating')) && lines.some((line) => line.startsWith('maths')))
  t.same(await readBaselines(folder), JSON.parse(JSON.stringify(result)))
})

t.test('one set of weights for all prompts: the gate is not said to be better', async (t) => {
  const { result, row } = await run(t.testdir({}), { decides: () => [0.2, 0, 0.8, 0], seed: 2 })
  const chosen = row('prompt-independent weights').chosen as Record<string, number>
  t.ok(Math.abs(chosen['correct']! / chosen['helpful']! - 4) < 1, `planted 4, found ${JSON.stringify(chosen)}`)
  t.ok(chosen['safe']! < chosen['helpful']!)
  t.equal(row('best single objective').chosen!['objective'], 'correct')
  t.ok(Math.abs(row('Bradley-Terry linear head').difference.difference) < 0.03, 'it has all that decides')
  const signs = result.warnings.map(({ sign, message }) => `${sign}: ${message}`)
  t.ok(signs.some((text) => text.includes('prompt-independent weights')))
  t.ok(row('uniform gating').difference.low > 0, 'but better than even weights')
})

t.test('a gate that was trained on other ratings is not compared', async (t) => {
  const folder = t.testdir({})
  const { result } = await run(folder, { pairs: 200 })
  const path = join(folder, 'debias.json')
  const debias = JSON.parse(await readFile(path, 'utf8')) as object
  await writeFile(path, JSON.stringify({ ...debias, fingerprint: 'another' }))
  await t.rejects(runBaselines(folder, { baselines: result.settings }, QUIET), {
    code: 'invalid_work',
    message: /stage2\.json is of a state before: debiasing has run again; run armorm train stage2 again/
  })
})

t.test('where length decides, longer is better', async (t) => {
  const { row } = await run(t.testdir({}), { decides: () => [0, 0, 0, 1], seed: 3 })
  t.ok(row('longer is better (characters)').all.accuracy > 0.9)
  t.equal(row('best single objective').chosen!['objective'], 'verbosity')
  t.ok(row('uniform gating').all.accuracy < 0.5, 'the transform has turned it round')
})

t.test('heads of another checkpoint are compared, by the plain reference', async (t) => {
  const folder = t.testdir({ heads: {} })
  const planted = await run(folder, {})
  const other = join(folder, 'heads')
  const { tensors, hidden, objectives, gate } = await readHeads(folder)
  await writeShards(other, tensors, 1e9)
  const config = {
    architectures: [ARCHITECTURE],
    model_type: 'llama',
    hidden_size: hidden,
    num_objectives: objectives.length,
    gating_temperature: gate.temperature,
    gating_hidden_dim: gate.width,
    gating_n_hidden: gate.layers
  }
  await writeFile(join(other, 'config.json'), JSON.stringify(config))
  const settings = { ...planted.result.settings, compare: [other] }
  const { rows } = await runBaselines(folder, { baselines: settings }, QUIET)
  const same = rows.find(({ name }) => name === 'heads of heads')!
  t.same(same.all, planted.row('gating').all, 'they are the same heads')
  t.equal(same.difference.difference, 0)
  await writeFile(join(other, 'config.json'), JSON.stringify({ ...config, hidden_size: hidden + 1 }))
  await t.rejects(runBaselines(folder, { baselines: settings }, QUIET), { code: 'invalid_config' })
})

t.test('test pairs of prompts that stage 1 was trained on are counted', async (t) => {
  const folder = t.testdir({})
  const { result } = await run(folder, { pairs: 200 })
  const again = () => runBaselines(folder, { baselines: result.settings }, QUIET)
  t.equal(result.rated_prompts, 0, 'nothing is rated')
  const rows = Array.from({ length: 100 }, (_, key) => ({
    key: `prompt ${key}`,
    ...(key < 50 && { split: 'heldout' as const })
  }))
  await writeSet(folder, { set: 'ratings', hidden: 2, objectives: ['a'], rows, tensors: {} })
  const { pairs } = result.rows[0]!.all
  const seen = (await again()).rated_prompts
  t.ok(seen > 0 && seen < pairs, `${seen} of ${pairs}`)

  const path = join(folder, 'stage1.json')
  const stage1 = JSON.parse(await readFile(path, 'utf8')) as object
  const keys = await testPrompts(folder, { seed: 1, testShare: 0.4 })
  const write = (of: Set<string>) =>
    writeFile(path, JSON.stringify({ ...stage1, split: { seed: 1, test_prompts: testPromptsOf(of, 0.4) } }))
  await write(keys)
  t.equal((await again()).rated_prompts, 0, 'stage 1 has held them out')
  await write(new Set([...keys].slice(1)))
  t.equal((await again()).rated_prompts, seen, 'it has held out others')
})

t.test('a linear head whose fit is not at its end is told of', async (t) => {
  const grid = [
    { l2: 1, validation_loss: 0.6, converged: true },
    { l2: 0.1, validation_loss: 0.5, converged: false }
  ]
  t.same(unfinished({ l2: 1, grid }), [])
  const [warning] = unfinished({ l2: 0.1, grid })
  t.equal(warning?.sign, 'unfinished_baseline')
  t.match(warning?.message, /linear head with L2 0.1 did not reach its tolerance in 300 steps/)
})
