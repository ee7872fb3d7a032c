import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { partRows } from '../../src/data/parquet.js'
import { dataRows } from '../../src/data/rows.js'
import { FIXTURES } from '../support/paths.js'

async function read(path: string) {
  const rows = []
  for await (const { place, value } of dataRows(path)) rows.push([place.replace(path, 'file'), value])
  return rows
}

function all(t: Test, content: string | Buffer, name = 'data.jsonl') {
  const path = join(t.testdir(), name)
  writeFileSync(path, content)
  return read(path)
}

t.test('objects with their places; empty lines count as lines', async (t) => {
  const rows = [
    ['file:1', { a: 1 }],
    ['file:3', { b: 'é' }]
  ]
  t.strictSame(await all(t, '{"a":1}\n\n{"b":"é"}\n'), rows)
  t.strictSame(await all(t, '\ufeff{"a":1}\r\n\r\n{"b":"é"}'), rows, "Windows' form")
  t.strictSame(await all(t, '{}'), [['file:1', {}]])
  t.strictSame(await all(t, ''), [])
})

t.test('lines and characters may lie across the pieces in which a file is read', async (t) => {
  const lines = Array.from({ length: 400 }, (_, i) => ({ i, text: 'é€'.repeat(i) }))
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  const expected = lines.map((line, i) => [`file:${i + 1}`, line])
  t.strictSame(await all(t, text), expected)
  t.strictSame(await all(t, gzipSync(text), 'data.jsonl.gz'), expected)
})

t.test('a text that is not UTF-8 is refused, and so is a file in one line', async (t) => {
  const refused = (message: RegExp) => ({ code: 'invalid_data', message })
  await t.rejects(all(t, Buffer.from('{}\n{"a":"caf\xe9"}', 'latin1')), refused(/data\.jsonl:2 is not UTF-8$/))
  await t.rejects(all(t, Buffer.from('{"a":1}', 'utf16le')), refused(/data\.jsonl:1 is not a JSON object$/))
  const long = `{}\n["${'x'.repeat(1 << 20)}"${`,"${'x'.repeat(1 << 20)}"`.repeat(64)}]`
  await t.rejects(all(t, gzipSync(long), 'long.jsonl.gz'), refused(/long\.jsonl\.gz:2 is longer than 64 MiB/))
})

t.test('a row group of Parquet is decoded in few parts', async (t) => {
  t.equal(partRows(1000, 1e6), 1000)
  t.equal(partRows(1_000_000, 300 << 20), 333_334)
  t.equal(partRows(1_000_000, 100e9), 125_000, 'each part reads the columns of all')
  t.equal(partRows(0, 0), 1)
})

t.test('what is no object is named by its line, and never quoted', async (t) => {
  for (const bad of ['PRIVATE', '["PRIVATE"]', '"PRIVATE"', 'null', '{"a": "PRIVATE']) {
    await t.rejects(all(t, `{}\n${bad}\n`), { code: 'invalid_data', message: /data\.jsonl:2 is not a JSON object$/ })
  }
})

t.test('files that cannot be read', async (t) => {
  const folder = t.testdir()
  const refused = (message: RegExp) => ({ code: 'invalid_data', message })
  await t.rejects(read(join(folder, 'none')), refused(/none cannot be read \(ENOENT\)/))
  await t.rejects(read(join(folder, 'none.parquet')), refused(/none.parquet cannot be read \(ENOENT\)/))
  await t.rejects(read(folder), refused(/cannot be read \(EISDIR\)/))
  await t.rejects(all(t, '{}', 'plain.gz'), refused(/plain.gz cannot be read \(Z_DATA_ERROR\)/))
  await t.rejects(all(t, gzipSync('{}\n'.repeat(1000)).subarray(0, 20), 'short.gz'), refused(/short.gz cannot be read/))
  await t.rejects(all(t, '{}', 'plain.parquet'), refused(/plain.parquet cannot be read/))
})

t.test('Parquet, as pandas and datasets write it', async (t) => {
  const message = (role: string, content: string) => ({ role, content })
  for (const name of ['snappy', 'zstd', 'gzip']) {
    t.strictSame(await read(join(FIXTURES, `train/data/${name}.parquet`)), [
      [
        'file:1',
        { chosen: [message('user', 'Hé?'), message('assistant', 'Yes.')], helpfulness: 4n, ok: true, margin: 0.5 }
      ],
      ['file:2', { chosen: [message('user', 'Two?')], helpfulness: null, ok: false, margin: NaN }],
      ['file:3', { chosen: [], helpfulness: 0n, ok: null, margin: null }]
    ])
  }
})
