import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadBundle } from '../../../src/bundle/load.js'
import { SafetensorsReader } from '../../../src/checkpoint/safetensors.js'
import { rateInOrder } from '../../../src/evaluate/rate.js'
import { exportBundle } from '../../../src/export/export-bundle.js'
import { loadAll, readIndex, setFolder } from '../../../src/train/embedded-set.js'
import { checkpointFolder, textCheckpoint, worstDifference } from '../../support/checkpoints.js'
import { runArmorm, startArmorm } from '../../support/server.js'
import { until } from '../../support/until.js'

const HIDDEN = 32
const OBJECTIVES = 19

const ratings = Array.from({ length: 30 }, (_, i) => ({
  prompt: `What is ${i % 7} and ${i % 3}?`,
  response: 'It is a number. '.repeat(i % 5),
  ratings: i % 2 ? { good: i / 30 } : { good: 1 - i / 30, short: i / 60 },
  category: `c${i % 2}`
}))
const preferences = Array.from({ length: 9 }, (_, i) => ({
  prompt: [{ role: 'user', content: `Which of ${i % 4}?` }],
  chosen: 'This one.',
  rejected: 'That one, '.repeat(i),
  margin: i / 9
}))

/** A small checkpoint that takes the built-in model's tokenizer, data and settings. */
function setUp(t: Test) {
  const folder = t.testdir()
  const checkpoint = textCheckpoint(join(folder, 'checkpoint'))
  const write = (name: string, rows: readonly unknown[]) => {
    writeFileSync(join(folder, name), rows.map((row) => JSON.stringify(row)).join('\n'))
    return join(folder, name)
  }
  const config = join(folder, 'train.json')
  const settings = (value: object) => writeFileSync(config, JSON.stringify(value))
  settings({ embed: { shard_rows: 4 } })
  const work = join(folder, 'work')
  const files = ['--ratings', write('ratings.jsonl', ratings), '--preferences', write('preferences.jsonl', preferences)]
  const common = ['--backbone', checkpoint, '--work', work, '--config', config, '--threads', '1']
  return { folder, work, write, settings, common, args: ['train', 'embed', ...files, ...common] }
}

function conversation(place: string, prompt: string, response: string) {
  const messages = [
    { role: 'user', content: prompt },
    { role: 'assistant', content: response }
  ]
  return { place, conversation: { kind: 'messages', messages } as const }
}

async function* inTurn<T>(items: readonly T[]) {
  yield* items
}

/** Place of the row -> its tensors' rows. */
async function statesByPlace(folder: string) {
  const { rows, tensors } = await loadAll(folder)
  const of = (name: string, i: number) => {
    const width = tensors[name]!.length / rows.length
    return tensors[name]!.subarray(i * width, (i + 1) * width)
  }
  return new Map(rows.map((row, i) => [row.place, { row, tensor: (name: string) => of(name, i) }]))
}

t.test('states give the ratings that scoring gives; a kill loses no whole shard', async (t) => {
  const { folder, work, args } = setUp(t)
  const shards = () => {
    const index = join(setFolder(work, 'ratings'), 'index.json')
    return (JSON.parse(readFileSync(index, 'utf8')) as { shards: { sha256: string }[] }).shards
  }
  const first = startArmorm(t, args)
  await until(() => {
    try {
      return shards().length >= 2
    } catch {
      return false
    }
  })
  first.child.kill('SIGKILL')
  await first.exit
  const kept = shards().length
  const { code, stderr } = await runArmorm(t, args)
  t.equal(code, 0, stderr)
  if (kept < 8) t.match(stderr, new RegExp(`ratings: goes on after ${kept * 4} rows`))
  t.match(stderr, /preferences: 9 rows embedded/)
  const index = await readIndex(setFolder(work, 'ratings'))
  t.match(index, { set: 'ratings', hidden: HIDDEN, objectives: ['good', 'short'], complete: true })
  t.strictSame(readdirSync(setFolder(work, 'ratings')).length, 1 + 2 * Math.ceil(30 / 4))

  const reader = await SafetensorsReader.open(checkpointFolder('armorm-tiny'))
  t.teardown(() => reader.close())
  const weight = await reader.readAll('regression_layer.weight')
  const ratingsOf = (state: Float32Array) =>
    Array.from({ length: OBJECTIVES }, (_, k) => state.reduce((sum, x, i) => sum + x * weight[k * HIDDEN + i]!, 0))
  const place = (name: string, i: number) => `${join(folder, name)}.jsonl:${i + 1}`
  const conversations = [
    ...ratings.map((row, i) => conversation(place('ratings', i), row.prompt, row.response)),
    ...preferences.flatMap(({ prompt, chosen, rejected }, i) =>
      [chosen, rejected].map((answer) => conversation(place('preferences', i), prompt[0]!.content, answer))
    )
  ]
  const scored: Float32Array[] = []
  const bundle = await loadBundle(join(work, 'backbone'))
  for await (const { values } of rateInOrder(bundle, inTurn(conversations))) scored.push(values.ratings)

  const embedded = await statesByPlace(setFolder(work, 'ratings'))
  t.equal(embedded.size, 30)
  for (const [i, { ratings: labels, response, category }] of ratings.entries()) {
    const { row, tensor } = embedded.get(place('ratings', i))!
    t.ok(worstDifference(ratingsOf(tensor('response_states')), scored[i]!) < 1e-4, row.place)
    t.match(row, { category, characters: response.length })
    t.same([...tensor('labels')], [Math.fround(labels.good), 'short' in labels ? Math.fround(labels.short) : NaN])
  }
  const pairs = await statesByPlace(setFolder(work, 'preferences'))
  for (const i of preferences.keys()) {
    const { row, tensor } = pairs.get(place('preferences', i))!
    for (const [answer, name] of ['chosen_states', 'rejected_states'].entries()) {
      t.ok(worstDifference(ratingsOf(tensor(name)), scored[30 + 2 * i + answer]!) < 1e-4, `${name} of ${row.place}`)
    }
  }
  const { row } = pairs.get(place('preferences', 4))!
  t.match(row, { margin: 4 / 9, characters: [9, 40] })
  const same = pairs.get(place('preferences', 0))!.tensor('prompt_states')
  t.strictSame(same, pairs.get(place('preferences', 4))!.tensor('prompt_states'), 'the same prompt')
  t.notSame(same, pairs.get(place('preferences', 1))!.tensor('prompt_states'))

  const again = await runArmorm(t, args)
  t.match(again.stderr, /ratings: 30 rows are there\npreferences: 9 rows are there/)
})

t.test(
  'refused rows end the step or are skipped; other settings are refused, unless it is to start again',
  async (t) => {
    const { folder, work, write, settings } = setUp(t)
    const backbone = join(folder, 'bundle')
    await exportBundle({ checkpoint: join(folder, 'checkpoint'), out: backbone, precision: 'fp32' })
    const rows = ratings.slice(0, 6).map((row, i) => (i === 3 ? { ...row, response: 'PRIVATE '.repeat(200) } : row))
    const config = join(folder, 'train.json')
    const args = ['train', 'embed', '--ratings', write('few.jsonl', rows), '--backbone', backbone, '--work', work]
    const run = (...more: string[]) => runArmorm(t, [...args, '--config', config, '--threads', '1', ...more])

    settings({ embed: { max_tokens: 150, shard_rows: 2 } })
    const refused = await run()
    t.equal(refused.code, 1)
    t.match(refused.stderr, /invalid_data: .*few.jsonl:4: too_long/)
    t.notMatch(refused.stderr, /PRIVATE/)
    // Neither what becomes of refused rows, nor the size of shards, nor another file's columns changes what is there.
    const other = { columns: { files: [{ match: 'other*', prompt: 'q' }] } }
    settings({ embed: { max_tokens: 150, shard_rows: 3, refused: 'skip' }, data: other })
    const skipped = await run()
    t.match(skipped.stderr, /ratings: goes on after 2 rows[^]*skipped .*few.jsonl:4: too_long[^]*5 rows embedded/)
    const { rows: left } = await loadAll(setFolder(work, 'ratings'))
    t.strictSame(left.map(({ place }) => Number(/\d+$/.exec(place))).sort(), [1, 2, 3, 5, 6])

    settings({ embed: { refused: 'skip' } })
    const changed = await run()
    t.equal(changed.code, 1)
    t.match(changed.stderr, /invalid_work: .*ratings was embedded with other settings.*--restart/)
    t.match((await run('--restart')).stderr, /ratings: 6 rows embedded/)
    t.equal((await readIndex(setFolder(work, 'ratings'))).shards.length, 1)
  }
)

t.test('what cannot be begun is told before any work', async (t) => {
  const { common, write, folder, args } = setUp(t)
  const refused = async (message: RegExp, ...command: string[]) => {
    const { code, stderr } = await runArmorm(t, command)
    t.equal(code, 1)
    t.match(stderr, message)
  }
  await refused(/invalid_config: there is nothing to embed/, 'train', 'embed', ...common)
  await refused(/neither a bundle .* nor a checkpoint/, ...args, '--backbone', join(folder, 'none'))
  const bad = write('bad.jsonl', [...ratings, { prompt: 'PRIVATE', response: 'x', ratings: { good: 7 } }])
  await refused(/invalid_data: .*bad.jsonl:31: its rating of good is 7/, 'train', 'embed', '--ratings', bad, ...common)
})
