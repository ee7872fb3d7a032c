import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EmbeddedSetWriter, type EmbeddedHeader, loadAll, readIndex, shards } from '../../src/train/embedded-set.js'

const HEADER: EmbeddedHeader = {
  set: 'ratings',
  model: { name: 'made', revision: 'r1' },
  hidden: 2,
  objectives: ['a', 'b', 'c'],
  fingerprint: 'f1'
}

/** n rows whose numbers say which they are. */
function shard(first: number, n: number) {
  const values = (width: number, offset: number) =>
    Float32Array.from({ length: n * width }, (_, i) => first * width + i + offset)
  const labels = values(3, 0.25)
  labels[1] = NaN
  return {
    rows: Array.from({ length: n }, (_, i) => ({ place: `f:${first + i}`, key: 'k', characters: 5, tokens: 2 })),
    tensors: { response_states: values(2, 0), prompt_states: values(2, 0.5), labels }
  }
}

const invalid = (message: RegExp) => ({ code: 'invalid_work', message })

t.test('reads what was written, shard by shard and whole', async (t) => {
  const folder = join(t.testdir(), 'set')
  const writer = await EmbeddedSetWriter.open(folder, HEADER)
  await t.rejects(readIndex(folder), invalid(/not finished/))
  const [one, two] = [shard(0, 3), shard(3, 2)]
  await writer.writeShard(one.rows, one.tensors)
  await writer.writeShard(two.rows, two.tensors)
  await writer.finish()
  t.equal(writer.rows, 5)
  t.match(await readIndex(folder), { ...HEADER, complete: true, shards: [{ rows: 3 }, { rows: 2 }] })
  const read = []
  for await (const piece of shards(folder)) read.push(piece)
  t.strictSame(read, [one, two])
  for await (const { tensors } of shards(folder, ['labels'])) t.strictSame(Object.keys(tensors), ['labels'])
  const { rows, tensors } = await loadAll(folder)
  t.strictSame(rows, [...one.rows, ...two.rows])
  t.strictSame([...tensors.labels!], [...one.tensors.labels, ...two.tensors.labels])
  t.strictSame([...tensors.prompt_states!], [...one.tensors.prompt_states, ...two.tensors.prompt_states])
})

t.test('preferences have three states and no labels', async (t) => {
  const folder = t.testdir()
  const writer = await EmbeddedSetWriter.open(folder, {
    set: 'preferences',
    model: HEADER.model,
    hidden: 2,
    fingerprint: 'f1'
  })
  const rows = [{ place: 'f:1', key: 'k', characters: [5, 6], tokens: [2, 3], margin: 0.5 }] as const
  const states = (value: number) => Float32Array.of(value, value)
  const tensors = { chosen_states: states(1), rejected_states: states(2), prompt_states: states(3) }
  await t.rejects(writer.writeShard(rows, { ...tensors, prompt_states: new Float32Array(3) }), RangeError)
  await writer.writeShard(rows, tensors)
  await writer.finish()
  t.match(await loadAll(folder), { rows, tensors })
})

t.test('goes on after the last whole shard', async (t) => {
  const folder = t.testdir()
  const write = async (count: number) => {
    const writer = await EmbeddedSetWriter.open(folder, HEADER)
    while (writer.rows < count) {
      const { rows, tensors } = shard(writer.rows, 1)
      await writer.writeShard(rows, tensors)
    }
    return writer
  }
  await write(3)
  // As a kill leaves it while a shard is written: tensors half, or rows without tensors.
  writeFileSync(join(folder, 'shard-00003.safetensors'), 'half')
  writeFileSync(join(folder, 'index.json.partial'), '{')
  t.equal((await EmbeddedSetWriter.open(folder, HEADER)).rows, 3)
  t.notOk(readdirSync(folder).some((name) => /00003|partial/.test(name)))
  // A damaged shard and those after it are written anew.
  appendFileSync(join(folder, 'shard-00001.safetensors'), 'x')
  const reopened = await EmbeddedSetWriter.open(folder, HEADER)
  t.equal(reopened.rows, 1)
  await (await write(3)).finish()
  t.strictSame(
    (await loadAll(folder)).rows.map(({ place }) => place),
    ['f:0', 'f:1', 'f:2']
  )
  t.ok((await EmbeddedSetWriter.open(folder, HEADER)).complete)
})

t.test('a set made with other settings is kept, or thrown away when asked', async (t) => {
  const folder = t.testdir()
  const writer = await EmbeddedSetWriter.open(folder, HEADER)
  const { rows, tensors } = shard(0, 1)
  await writer.writeShard(rows, tensors)
  const other = { ...HEADER, fingerprint: 'f2' }
  await t.rejects(EmbeddedSetWriter.open(folder, other), invalid(/other settings.*--restart/))
  t.equal((await EmbeddedSetWriter.open(folder, HEADER)).rows, 1)
  t.equal((await EmbeddedSetWriter.open(folder, other, true)).rows, 0)
})

t.test('damage is named', async (t) => {
  const folder = t.testdir()
  await t.rejects(loadAll(folder), invalid(/holds no embeddings/))
  const writer = await EmbeddedSetWriter.open(folder, HEADER)
  const { rows, tensors } = shard(0, 2)
  await writer.writeShard(rows, tensors)
  await writer.finish()
  const rowsPath = join(folder, 'shard-00000.jsonl')
  const text = readFileSync(rowsPath, 'utf8')
  writeFileSync(rowsPath, text.split('\n')[0]!)
  await t.rejects(loadAll(folder), invalid(/shard-00000.safetensors is missing or damaged/))
  writeFileSync(rowsPath, '{')
  await t.rejects(loadAll(folder), invalid(/shard-00000.jsonl is missing or damaged/))
  writeFileSync(rowsPath, text)
  writeFileSync(join(folder, 'shard-00000.safetensors'), 'x')
  await t.rejects(loadAll(folder), invalid(/shard-00000.safetensors is missing or damaged/))
  writeFileSync(join(folder, 'index.json'), '{}')
  await t.rejects(loadAll(folder), invalid(/index.json is no index/))
})
