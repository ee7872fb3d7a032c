import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { pairRows } from '../../src/cli/evaluate.js'
import { loadBundle } from '../../src/bundle/load.js'
import type { PairAccuracy } from '../../src/evaluate/accuracy.js'
import type { Pair } from '../../src/evaluate/pairs.js'
import { rateInOrder } from '../../src/evaluate/rate.js'
import { runArmorm } from '../support/server.js'
import { textBundle, tinyBundle } from '../support/bundles.js'

const COLOURS = ['Red', 'Blue.', 'A green one', 'Black, or white', 'xkcd', '', 'Pink\n\nor so', 'I cannot say.']
const ROWS = COLOURS.map((chosen, i) => ({
  prompt: i % 2 === 0 ? `Name a colour. ${i >> 1}` : [{ role: 'user', content: `name a  COLOUR. ${i >> 1}` }],
  chosen,
  rejected: COLOURS[(i + 3) % COLOURS.length],
  section: i < 5 ? 'Chat' : 'Safety',
  split: 'filtered'
}))

type Report = PairAccuracy & { models: { folder: string }[]; left_out: { place: string; reason: string }[] }

/** A small bundle that takes the built-in model's tokenizer; all tests read it. */
const BUNDLE = await textBundle(t.testdir())

/** A file of these rows. */
function dataOf(t: Test, rows: readonly unknown[]): string {
  const data = join(t.testdir(), 'data.jsonl')
  writeFileSync(data, rows.map((row) => JSON.stringify(row)).join('\n'))
  return data
}

/** Scores of conversations, each by itself. */
async function scoresOf(
  folder: string,
  items: readonly { prompt: string | { role: string; content: string }[]; response: string }[]
): Promise<number[]> {
  const conversations = async function* () {
    for (const { prompt, response } of items) {
      const before = typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt
      const messages = [...before, { role: 'assistant', content: response }]
      yield { place: '', conversation: { kind: 'messages' as const, messages } }
    }
  }
  const scores: number[] = []
  for await (const { values } of rateInOrder(await loadBundle(folder), conversations())) scores.push(values.score)
  return scores
}

t.test(
  'a model against itself differs by 0; chosen and rejected exchanged, it is right where it was wrong',
  async (t) => {
    const exchanged = ROWS.map((row) => ({ ...row, chosen: row.rejected, rejected: row.chosen }))
    const data = dataOf(t, ROWS)
    const again = join(data, '..', 'exchanged.jsonl')
    writeFileSync(again, exchanged.map((row) => JSON.stringify(row)).join('\n'))
    const report = async (file: string) => {
      const { code, stdout, stderr } = await runArmorm(t, [
        'evaluate',
        file,
        '--model',
        BUNDLE,
        '--model',
        BUNDLE,
        '--json'
      ])
      t.equal(code, 0, stderr)
      return JSON.parse(stdout) as Report
    }
    const found = await report(data)
    t.match(found, { grouped_by: 'section', left_out: [], models: [{ folder: BUNDLE }, { folder: BUNDLE }] })
    t.match(found.sections, [
      { name: 'Chat', pairs: 5 },
      { name: 'Safety', pairs: 3 }
    ])
    t.match(found.mean_of_pairs, { pairs: 8, prompts: 4 }, 'prompts that differ in case and white space are one')
    for (const { models } of [...found.sections, found.mean_of_sections!, found.mean_of_pairs]) {
      t.strictSame(models[1], { ...models[0], difference: { difference: 0, low: 0, high: 0 } })
    }
    const longer = ROWS.filter(({ chosen, rejected }) => chosen.length > rejected!.length).length
    t.equal(found.mean_of_pairs.longer.accuracy, longer / 8)
    const scores = await scoresOf(
      BUNDLE,
      ROWS.flatMap(({ prompt, chosen, rejected }) => [chosen, rejected!].map((response) => ({ prompt, response })))
    )
    const right = ROWS.filter((_, i) => scores[2 * i]! > scores[2 * i + 1]!).length
    t.ok(right > 0 && right < 8)
    t.equal(found.mean_of_pairs.models[0]!.accuracy, right / 8)
    const { mean_of_pairs: other } = await report(again)
    t.equal(other.models[0]!.accuracy, 1 - found.mean_of_pairs.models[0]!.accuracy)
  }
)

t.test('rows that cannot be scored are counted and named, never quoted; the table has the rest', async (t) => {
  const long = 'PRIVATE '.repeat(200)
  const data = dataOf(t, [
    ROWS[0],
    { prompt: 'PRIVATE', chosen: 'PRIVATE' },
    { prompt: 'Hi', chosen: long, rejected: 'No' },
    { prompt: long, chosen: 'Cut', rejected: 'from the left' }
  ])
  const { code, stdout, stderr } = await runArmorm(t, ['evaluate', data, '--model', BUNDLE])
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    /on 2 pairs of 2 prompts; ties count half; intervals of 95 % by prompt\nsections: by the field `section`/
  )
  t.match(stdout, /^Chat +1\n {2}\S+bundle +0 +(?:0|50|100)\.0 [^]+^\(no section\) +1\n[^]+^all: mean of pairs +2$/m)
  t.match(stderr, /could not be scored: 2\n/)
  t.match(stderr, /data\.jsonl:2: it has no rejected that is a text/)
  t.match(stderr, /data\.jsonl:3: too_long: /)
  t.notMatch(stdout + stderr, /PRIVATE/)
})

t.test('nothing to score, or no way to, ends the command', async (t) => {
  const data = dataOf(t, [{ prompt: 'Hi' }])
  const none = await runArmorm(t, ['evaluate', data, '--model', BUNDLE])
  t.equal(none.code, 1)
  t.match(none.stderr, /^armorm: invalid_data: no pair could be scored: the first of 1 rows .*data\.jsonl:1: /m)
  const bare = await runArmorm(t, ['evaluate', data, '--model', await tinyBundle(t, 'one-objective')])
  t.match(bare.stderr, /^armorm: no_tokenizer: /m)
})

t.test('a row has the groups that it names, and the key of its prompt unless it states one', async (t) => {
  const file = join(t.testdir(), 'data.jsonl')
  const row = { prompt: 'Hi', chosen: 'a', rejected: 'b' }
  const groups = { section: 3, category: '', subset: 'x' }
  writeFileSync(
    file,
    [
      { ...row, ...groups },
      { ...row, prompt: ' hi' },
      { ...row, key: 'k' }
    ]
      .map((each) => JSON.stringify(each))
      .join('\n')
  )
  const pairs: Pair[] = []
  for await (const read of pairRows([file, file])) if ('pair' in read) pairs.push(read.pair)
  t.strictSame(pairs[0]?.groups, { section: '3', subset: 'x' })
  t.equal(pairs[0]?.key, pairs[1]?.key)
  t.equal(pairs[2]?.key, 'k')
  t.strictSame(pairs.slice(3), pairs.slice(0, 3), 'of each file')
})
