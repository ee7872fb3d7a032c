import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checksum } from '../../src/bundle/files.js'
import { countGroups } from '../../src/evaluate/groups.js'
import { fidelityText, measureFidelity } from '../../src/evaluate/measure-fidelity.js'
import { tinyBundle } from '../support/bundles.js'
import { DEFAULT_MODEL } from '../support/paths.js'

function file(t: Test, lines: readonly unknown[]): string {
  const path = join(t.testdir(), 'data.jsonl')
  writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'))
  return path
}

const COLOURS = ['Red', 'Blue', 'Green', 'Black', 'White', 'Brown', 'Pink', 'Grey']
const GOOD = { prompt: 'Name a colour.', responses: COLOURS }

async function measure(data: string, folders: { reference?: string; other?: string } = {}) {
  const counts = await countGroups(data)
  const progress: number[] = []
  const { reference = DEFAULT_MODEL, other = DEFAULT_MODEL } = folders
  const onProgress = (done: number) => progress.push(done)
  const found = await measureFidelity({ reference, other, data, counts, onProgress })
  return { found, counts, progress }
}

t.test('a bundle is perfectly faithful to itself, whatever the sizes of the groups', async (t) => {
  const data = file(t, [
    GOOD,
    { prompt: 'Name two colours.', responses: ['Red', 'Blue'] },
    { prompt: 'Again.', responses: [...COLOURS, 'x'] }
  ])
  const { found, counts, progress } = await measure(data)
  t.strictSame(found, {
    conversations: 17,
    groups: 2,
    spearman: 1,
    flips: 0,
    relative_error: 0,
    largest_difference: 0,
    data_sha256: (await checksum(data)).sha256
  })
  t.equal(progress.length, 2 * 17)
  t.equal(progress.at(-1), 1)
  t.match(fidelityText(found, counts), /^17 conversations in 2 groups\n(.*\n)+left out: 1 groups of fewer than 8 /)
})

t.test('answers that all score the same have no order: their line is named', async (t) => {
  // Lone surrogates differ, but become the same token.
  const alike = Array.from({ length: 8 }, (_, i) => String.fromCharCode(0xd800 + i))
  await t.rejects(measure(file(t, [GOOD, { prompt: 'Hi', responses: alike }])), {
    code: 'invalid_data',
    message: /data\.jsonl:2: its answers all score the same/
  })
})

t.test('a file that changes meanwhile', async (t) => {
  const data = file(t, [GOOD])
  const counts = { ...(await countGroups(data)), groups: 2 }
  await t.rejects(measureFidelity({ reference: DEFAULT_MODEL, other: DEFAULT_MODEL, data, counts }), {
    code: 'invalid_data',
    message: /changed while it was read/
  })
})

t.test('a bundle without tokenizer', async (t) => {
  const other = await tinyBundle(t, 'one-objective')
  const data = join(other, '..', 'data.jsonl')
  writeFileSync(data, JSON.stringify(GOOD))
  await t.rejects(measure(data, { other }), { code: 'no_tokenizer', message: `${other} has no tokenizer` })
})
