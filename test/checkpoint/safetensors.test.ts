import { join } from 'node:path'
import t from 'tap'
import { INDEX_FILE, SafetensorsReader, SINGLE_FILE } from '../../src/checkpoint/safetensors.js'
import { bits16, float32, rawSafetensorsFile, safetensorsFile } from '../support/safetensors.js'

const refused = (message: RegExp): { code: string; message: RegExp } => ({ code: 'unsupported_checkpoint', message })

t.test('reads rows and whole tensors of one file', async (t) => {
  const folder = t.testdir({
    [SINGLE_FILE]: safetensorsFile({
      matrix: float32([3, 2], [1, 2, 3, 4, 5, 6]),
      half: bits16('F16', [2], [0x3c00, 0xc000]),
      brain: bits16('BF16', [2, 1, 2], [0x3f80, 0x4000, 0x4040, 0x4080]),
      scalar: float32([], [7]),
      empty: float32([0, 4])
    })
  })
  const reader = await SafetensorsReader.open(folder)
  t.teardown(() => reader.close())
  t.strictSame(reader.names().sort(), ['brain', 'empty', 'half', 'matrix', 'scalar'])
  t.ok(reader.has('half'))
  t.notOk(reader.has('__metadata__'))
  t.strictSame(reader.info('brain'), { dtype: 'BF16', shape: [2, 1, 2] })
  t.strictSame([...(await reader.readAll('matrix'))], [1, 2, 3, 4, 5, 6])
  t.strictSame([...(await reader.readRows('matrix', 1, 2))], [3, 4, 5, 6])
  t.strictSame([...(await reader.readRows('matrix', 3, 0))], [])
  t.strictSame([...(await reader.readAll('half'))], [1, -2])
  t.strictSame([...(await reader.readRows('half', 1, 1))], [-2], 'a row of a 1-D tensor is an element')
  t.strictSame([...(await reader.readRows('brain', 1, 1))], [3, 4])
  t.strictSame([...(await reader.readAll('scalar'))], [7])
  t.strictSame([...(await reader.readAll('empty'))], [])
  await t.rejects(reader.readRows('matrix', 2, 2), RangeError)
  await t.rejects(reader.readRows('matrix', -1, 1), RangeError)
  await t.rejects(reader.readRows('matrix', 0.5, 1), RangeError)
  await t.rejects(reader.readAll('absent'), refused(/no tensor absent/))
})

t.test('a tensor larger than one chunk arrives whole', async (t) => {
  // 4 MiB are read at once: 1.2 million float32 rows do not fit, and the last chunk is a partial one.
  const length = 1_200_001
  const values = Array.from({ length }, (_, i) => i)
  const folder = t.testdir({
    [SINGLE_FILE]: safetensorsFile({ pad: float32([1], [-1]), long: float32([length], values) })
  })
  const reader = await SafetensorsReader.open(folder)
  t.teardown(() => reader.close())
  const read = await reader.readAll('long')
  t.equal(
    read.findIndex((value, i) => value !== i),
    -1
  )
  t.equal(read.length, length)
})

t.test('reads shards through their index', async (t) => {
  const folder = t.testdir({
    'a.safetensors': safetensorsFile({ one: float32([1], [1]) }),
    'b.safetensors': safetensorsFile({ two: float32([1], [2]) }),
    [INDEX_FILE]: JSON.stringify({ weight_map: { one: 'a.safetensors', two: 'b.safetensors' } })
  })
  const reader = await SafetensorsReader.open(folder)
  t.teardown(() => reader.close())
  t.strictSame([...(await reader.readAll('one')), ...(await reader.readAll('two'))], [1, 2])
})

t.test('a single file comes before an index', async (t) => {
  const folder = t.testdir({
    [SINGLE_FILE]: safetensorsFile({ one: float32([1], [1]) }),
    [INDEX_FILE]: 'not even JSON'
  })
  const reader = await SafetensorsReader.open(folder)
  t.teardown(() => reader.close())
  t.strictSame(reader.names(), ['one'])
})

t.test('opens one file of any name', async (t) => {
  const folder = t.testdir({ 'part.safetensors': safetensorsFile({ one: float32([1], [1]) }), bad: 'x' })
  const reader = await SafetensorsReader.openFile(join(folder, 'part.safetensors'))
  t.teardown(() => reader.close())
  t.strictSame([...(await reader.readAll('one'))], [1])
  await t.rejects(SafetensorsReader.openFile(join(folder, 'absent')), refused(/absent does not exist/))
  await t.rejects(SafetensorsReader.openFile(join(folder, 'bad')), refused(/bad has 1 bytes/))
})

t.test('refuses missing files', async (t) => {
  const folder = t.testdir({})
  await t.rejects(SafetensorsReader.open(join(folder, 'absent')), refused(/neither model.safetensors nor/))
  await t.rejects(SafetensorsReader.open(folder), refused(/neither model.safetensors nor/))
})

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32'): object => ({
  dtype,
  shape,
  data_offsets: [begin, end]
})
const header = (tensors: object): string => JSON.stringify(tensors)
const data = Buffer.alloc(16)

const BROKEN: Record<string, [Buffer, RegExp]> = {
  'empty file': [Buffer.alloc(0), /0 bytes, too few/],
  'header longer than the file': [rawSafetensorsFile('{}', data, 999n), /header of 999 bytes, but the file has 26/],
  'header longer than the limit': [rawSafetensorsFile('{}', data, 2n ** 63n), /9223372036854775808 bytes, more than/],
  'header not JSON': [rawSafetensorsFile('{"a":', data), /not JSON/],
  'header not UTF-8': [Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([0xff])]), /not JSON/],
  'header an array': [rawSafetensorsFile('[]', data), /not a JSON object/],
  'entry not an object': [rawSafetensorsFile(header({ w: null }), data), /stores w as undefined/],
  'unknown dtype': [rawSafetensorsFile(header({ w: entry(0, 16, [16], 'F8_E4M3') }), data), /stores w as "F8_E4M3"/],
  'dtype of the prototype': [rawSafetensorsFile(header({ w: entry(0, 16, [4], 'toString') }), data), /"toString"/],
  'negative shape': [rawSafetensorsFile(header({ w: entry(0, 16, [-2, -2]) }), data), /w an invalid shape/],
  'fractional shape': [rawSafetensorsFile(header({ w: entry(0, 16, [1.5]) }), data), /w an invalid shape/],
  'no offsets': [rawSafetensorsFile(header({ w: { dtype: 'F32', shape: [4] } }), data), /w invalid data_offsets/],
  'shape and bytes disagree': [rawSafetensorsFile(header({ w: entry(0, 16, [5]) }), data), /w 16 bytes; .*takes 20/],
  'offsets beyond the file': [rawSafetensorsFile(header({ w: entry(0, 20) }), data), /w up to byte 20 of 16/],
  'tensors overlap': [rawSafetensorsFile(header({ v: entry(0, 12), w: entry(8, 16) }), data), /w over another tensor/],
  'hole between tensors': [rawSafetensorsFile(header({ v: entry(0, 4), w: entry(8, 16) }), data), /4 bytes before w/],
  'bytes left over': [rawSafetensorsFile(header({ w: entry(0, 8) }), data), /8 bytes that belong to no tensor/],
  'a name twice': [
    rawSafetensorsFile('{"w":' + header(entry(0, 16)) + ', "\\u0077" :' + header(entry(0, 16)) + '}', data),
    /names w twice/
  ]
}

for (const [what, [file, message]] of Object.entries(BROKEN)) {
  t.test(`refuses a file with ${what}`, async (t) => {
    const folder = t.testdir({ [SINGLE_FILE]: file })
    await t.rejects(SafetensorsReader.open(folder), refused(message))
    await t.rejects(SafetensorsReader.open(folder), refused(/model\.safetensors/))
  })
}

t.test('keys inside values are no repeated names', async (t) => {
  const text = header({ __metadata__: { shape: '"w":', w: 'x' }, w: entry(0, 16) })
  const reader = await SafetensorsReader.open(t.testdir({ [SINGLE_FILE]: rawSafetensorsFile(text, data) }))
  t.teardown(() => reader.close())
  t.strictSame(reader.names(), ['w'])
})

const one = safetensorsFile({ one: float32([1], [1]) })
const index = (map: unknown): string => JSON.stringify({ weight_map: map })

const BROKEN_SETS: Record<string, [Record<string, string | Buffer>, RegExp]> = {
  'an index that is not JSON': [{ [INDEX_FILE]: '{' }, /index\.json is not JSON/],
  'an index without weight_map': [{ [INDEX_FILE]: '{}' }, /no weight_map/],
  'a shard that does not exist': [
    { [INDEX_FILE]: index({ one: 'a.safetensors' }) },
    /a\.safetensors, which does not exist/
  ],
  'a shard outside the folder': [{ [INDEX_FILE]: index({ one: '../a.safetensors' }) }, /no name of a shard/],
  'a shard that is no name': [{ [INDEX_FILE]: index({ one: 7 }) }, /places one in 7/],
  'a tensor that its shard lacks': [
    { 'a.safetensors': one, [INDEX_FILE]: index({ one: 'a.safetensors', two: 'a.safetensors' }) },
    /places two in a\.safetensors, which lacks it/
  ],
  'a tensor that the index does not list': [
    {
      'a.safetensors': one,
      'b.safetensors': safetensorsFile({ two: float32([1]), three: float32([1]) }),
      [INDEX_FILE]: index({ one: 'a.safetensors', two: 'b.safetensors' })
    },
    /b\.safetensors holds three/
  ],
  'a tensor in two shards': [
    {
      'a.safetensors': one,
      'b.safetensors': safetensorsFile({ one: float32([1]), two: float32([1]) }),
      [INDEX_FILE]: index({ one: 'a.safetensors', two: 'b.safetensors' })
    },
    /tensor one is in both a\.safetensors and b\.safetensors/
  ]
}

for (const [what, [files, message]] of Object.entries(BROKEN_SETS)) {
  t.test(`refuses ${what}`, async (t) => {
    await t.rejects(SafetensorsReader.open(t.testdir(files)), refused(message))
  })
}
