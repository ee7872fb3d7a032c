import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { jsonLines } from '../../src/evaluate/json-lines.js'

async function all(t: Test, text: string) {
  const path = join(t.testdir(), 'data.jsonl')
  writeFileSync(path, text)
  const lines = []
  for await (const { place, value, bytes } of jsonLines(path)) lines.push([place.replace(path, 'file'), value, bytes])
  return lines
}

t.test('objects with their places; empty lines count as lines', async (t) => {
  t.strictSame(await all(t, '{"a":1}\n\n{"b":"é"}\n'), [
    ['file:1', { a: 1 }, 8],
    ['file:3', { b: 'é' }, 20]
  ])
  t.strictSame(await all(t, '{}'), [['file:1', {}, 3]])
  t.strictSame(await all(t, ''), [])
})

t.test('what is no object is named by its line, and never quoted', async (t) => {
  for (const bad of ['PRIVATE', '["PRIVATE"]', '"PRIVATE"', 'null', '{"a": "PRIVATE']) {
    await t.rejects(all(t, `{}\n${bad}\n`), { code: 'invalid_data', message: /data\.jsonl:2 is not a JSON object$/ })
  }
})

t.test('a file that cannot be read', async (t) => {
  const folder = t.testdir()
  const read = async (path: string) => {
    for await (const line of jsonLines(path)) t.fail(line.place)
  }
  await t.rejects(read(join(folder, 'none')), { code: 'invalid_data', message: /none cannot be read \(ENOENT\)/ })
  await t.rejects(read(folder), { code: 'invalid_data', message: /cannot be read \(EISDIR\)/ })
})
