import t from 'tap'
import { widen } from '../../src/checkpoint/widen.js'

const words = (...bits: number[]): Uint8Array => new Uint8Array(Uint16Array.from(bits).buffer)

t.test('bfloat16 is the upper half of a float32', async (t) => {
  const target = new Float32Array(7)
  widen('BF16', words(0x3f80, 0xc0a0, 0x8000, 0x0001, 0x7f80, 0x7fc0), target, 1)
  t.equal(target[0], 0, 'nothing before the index is touched')
  t.equal(target[1], 1)
  t.equal(target[2], -5)
  t.ok(Object.is(target[3], -0))
  t.equal(target[4], 2 ** -133, 'smallest subnormal')
  t.equal(target[5], Infinity)
  t.ok(Number.isNaN(target[6]))
})

t.test('float16, subnormals and infinities included', async (t) => {
  const target = new Float32Array(8)
  widen('F16', words(0x3c00, 0xc500, 0x0001, 0x83ff, 0x7bff, 0xfc00, 0x7e00, 0x0400), target, 0)
  t.equal(target[0], 1)
  t.equal(target[1], -5)
  t.equal(target[2], 2 ** -24, 'smallest subnormal')
  t.equal(target[3], -1023 * 2 ** -24, 'largest subnormal')
  t.equal(target[4], 65504)
  t.equal(target[5], -Infinity)
  t.ok(Number.isNaN(target[6]))
  t.equal(target[7], 2 ** -14, 'smallest normal')
})

t.test('float32 is copied, wherever its bytes begin', async (t) => {
  const bytes = new Uint8Array(9)
  new DataView(bytes.buffer).setFloat32(1, 0.1, true)
  new DataView(bytes.buffer).setFloat32(5, -3e38, true)
  const target = new Float32Array(2)
  widen('F32', bytes.subarray(1), target, 0)
  t.strictSame([...target], [Math.fround(0.1), Math.fround(-3e38)])
})
