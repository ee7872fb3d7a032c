import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SafetensorsReader } from '../../src/checkpoint/safetensors.js'
import { writeSafetensors } from '../../src/checkpoint/write-safetensors.js'

t.test('what is written is read back, and starts at a multiple of 8 bytes', async (t) => {
  const path = join(t.testdir(), 'made.safetensors')
  const values = Float32Array.of(1, -2, NaN, 4, 5, 6)
  // A name that takes more bytes than characters.
  await writeSafetensors(
    path,
    new Map([
      ['größe', { shape: [2, 3], values }],
      ['none', { shape: [0, 3], values: new Float32Array(0) }],
      ['one', { shape: [1], values: Float32Array.of(7) }]
    ])
  )
  const reader = await SafetensorsReader.openFile(path)
  t.teardown(() => reader.close())
  t.strictSame(await reader.readAll('größe'), values)
  t.strictSame(reader.info('größe').shape, [2, 3])
  t.strictSame([...(await reader.readAll('none'))], [])
  t.strictSame([...(await reader.readAll('one'))], [7])
  t.equal(Number(readFileSync(path).readBigUInt64LE()) % 8, 0)
})
