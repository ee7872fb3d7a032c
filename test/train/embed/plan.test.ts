import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type DataSource, plannedRows, planRows } from '../../../src/train/embed/plan.js'
import { trainSettings } from '../../../src/train/settings.js'

interface Made {
  readonly key: string
  readonly source?: string
  readonly split?: string
  readonly ratings?: object
}

function sourceOf(t: Test, rows: readonly Made[], data: object = {}, seed = 1, wanted?: string[]): DataSource {
  const path = join(t.testdir(), 'rows.jsonl')
  const line = (row: Made) => JSON.stringify({ prompt: row.key, response: 'Yes.', ratings: {}, ...row })
  writeFileSync(path, rows.map(line).join('\n'))
  return { set: 'ratings', files: [path], data: trainSettings({ data }, 'x').data, seed, wanted }
}

const rated = (value: number) => ({ a: value })

/** Lines of the rows that are taken, in their order. */
async function lines(source: DataSource): Promise<number[]> {
  const found = []
  for await (const { place } of plannedRows(source, await planRows(source))) found.push(Number(/\d+$/.exec(place)))
  return found
}

t.test('rows of one prompt come side by side', async (t) => {
  const keys = ['p', 'q', 'p', 'r', 'q', 'p']
  const source = sourceOf(
    t,
    keys.map((key, i) => ({ key, ratings: rated(i / 10) }))
  )
  t.strictSame(await lines(source), [1, 3, 6, 2, 5, 4])
  const { rows, characters, objectives } = await planRows(source)
  t.strictSame({ rows, characters, objectives }, { rows: 6, characters: 6 * 5, objectives: ['a'] })
})

t.test('caps take whole prompts, the same for the same seed', async (t) => {
  const rows = Array.from({ length: 120 }, (_, i) => ({
    key: `${i % 40}`,
    source: i % 40 < 30 ? 'large' : 'small',
    ratings: rated((i % 7) / 7)
  }))
  const taken = async (data: object, seed = 1) => lines(sourceOf(t, rows, data, seed))
  const counted = (found: readonly number[]) => {
    const sources = { large: 0, small: 0 }
    for (const line of found) sources[rows[line - 1]!.source as 'large' | 'small']++
    return sources
  }
  const perSource = await taken({ max_rows_per_source: 20 })
  // Prompts have 3 rows each.
  t.strictSame(counted(perSource), { large: 18, small: 18 })
  const keys = perSource.map((line) => rows[line - 1]!.key)
  t.ok(
    keys.every((key) => keys.filter((other) => other === key).length === 3),
    'prompts stay whole'
  )
  t.strictSame(await taken({ max_rows_per_source: 20 }), perSource)
  t.notSame(await taken({ max_rows_per_source: 20 }, 2), perSource)
  t.equal((await taken({ max_rows: 31 })).length, 30)
  await t.rejects(taken({ max_rows: 2 }), { code: 'invalid_config', message: /leaves no row/ })
})

t.test('rows are taken by the split that they state', async (t) => {
  const rows = [
    { key: 'p', split: 'train', ratings: rated(0) },
    { key: 'q', split: 'heldout', ratings: rated(1) },
    { key: 'r', ratings: rated(0.5) }
  ]
  t.strictSame(await lines(sourceOf(t, rows, { split: 'train' })), [1, 3])
  t.strictSame(await lines(sourceOf(t, rows, { split: 'heldout' })), [2, 3])
  const leak = [...rows, { key: 'p', split: 'heldout', ratings: rated(1) }]
  const message = /rows.jsonl:4 has the key of .*rows.jsonl:1, but is in heldout and that in train/
  await t.rejects(planRows(sourceOf(t, leak)), { code: 'invalid_data', message })
})

t.test('rows without a rating are left out and counted', async (t) => {
  const rows = [{ key: 'p' }, { key: 'q', ratings: rated(0) }, { key: 'r', ratings: { a: null, b: 1 } }]
  t.match(await planRows(sourceOf(t, [...rows, { key: 's', ratings: { a: 1, b: 0 } }])), { rows: 3, unrated: 1 })
  await t.rejects(planRows(sourceOf(t, [{ key: 'p' }])), { code: 'invalid_data', message: /no row has a rating/ })
  await t.rejects(planRows(sourceOf(t, [])), { code: 'invalid_data', message: /no row/ })
})

t.test('ratings that are all the same are named', async (t) => {
  const rows = [
    { key: 'p', ratings: { a: 0.5, b: 1 } },
    { key: 'q', ratings: { b: 1 } }
  ]
  await t.rejects(planRows(sourceOf(t, rows)), { code: 'invalid_data', message: /rating of a .*rows.jsonl:1/ })
  const more = [...rows, { key: 'r', ratings: { a: 1 } }]
  const { warnings } = await planRows(sourceOf(t, more))
  t.match(warnings, [/^all 2 ratings of b \(the first at .*rows.jsonl:1\) are 1: /])
  await t.rejects(planRows(sourceOf(t, more, {}, 1, ['a', 'b'])), { code: 'invalid_data', message: /ratings of b/ })
  t.match(await planRows(sourceOf(t, more, {}, 1, ['a'])), { rows: 3 })
})

t.test('data that changed after they were planned are refused', async (t) => {
  const rows = Array.from({ length: 6 }, (_, i) => ({ key: `${i}`, ratings: rated(i / 10) }))
  const source = sourceOf(t, rows)
  const plan = await planRows(source)
  const planned = async () => {
    const places = []
    for await (const { place } of plannedRows(source, plan)) places.push(place)
    return places.length
  }
  t.equal(await planned(), 6)
  const path = source.files[0]!
  const text = readFileSync(path, 'utf8')
  writeFileSync(path, `${text}\n${text}`)
  await t.rejects(planned(), { code: 'invalid_data', message: /rows\.jsonl:7: the data changed while it was read/ })
  writeFileSync(path, text.split('\n').slice(0, 4).join('\n'))
  await t.rejects(planned(), { code: 'invalid_data', message: /row 5 of the ratings: the data changed/ })
})

t.test('objectives that nobody rates are told before any work', async (t) => {
  const rows = [0, 1].map((value) => ({ key: `${value}`, ratings: rated(value) }))
  const plan = (wanted: string[]) => planRows({ ...sourceOf(t, rows, {}, 1, wanted), derived: ['verbosity'] })
  t.strictSame((await plan(['a', 'verbosity'])).objectives, ['a'])
  await t.rejects(plan(['a', 'helpful']), {
    code: 'invalid_config',
    message: /objectives names helpful, which is neither rated nor derived \(a, verbosity\)/
  })
})

t.test('a key that one rated row holds out and another does not', async (t) => {
  const rows = [
    { key: 'k', split: 'test', ratings: rated(0) },
    { key: 'k', ratings: rated(1) },
    { key: 'l', ratings: rated(1) }
  ]
  await t.rejects(planRows(sourceOf(t, rows)), {
    code: 'invalid_data',
    message: /rows\.jsonl:2 has the key of .*rows\.jsonl:1, but is in no split and that in heldout/
  })
  t.equal((await planRows(sourceOf(t, rows, { split: 'train' }))).rows, 2)
  const pairs = rows.map(({ key, split }) => JSON.stringify({ prompt: 'p', chosen: 'a', rejected: 'b', key, split }))
  const source = sourceOf(t, rows)
  writeFileSync(source.files[0]!, pairs.join('\n'))
  t.equal((await planRows({ ...source, set: 'preferences' })).rows, 3, 'all pairs of such a key are for testing')
})
