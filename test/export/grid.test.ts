import fc from 'fast-check'
import t from 'tap'
import { fitGrid4, fitGrid8, GRID_BLOCK } from '../../src/export/weights/grid.js'
import { floatToHalf, halfToFloat, roundToBfloat16 } from '../../src/export/weights/half.js'

/** Finite float16 bit patterns of scales as quantizers make them: positive, not subnormal. */
const scaleBits = fc.integer({ min: 0x0800, max: 0x4fff })
const minimumBits = fc.integer({ min: 0x0800, max: 0x4fff }).map((bits) => bits | 0x8000)

/** What dequantizing to bfloat16 gives, operation by operation. */
const dequantized = (scale: number, minimum: number, levels: readonly number[]): Float32Array =>
  Float32Array.from(levels, (q) => roundToBfloat16(Math.fround(Math.fround(halfToFloat(scale) * q) + minimum)))

t.test('weights once on a 4-bit grid are found on one that gives them back bit for bit', async () => {
  const levels = fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: GRID_BLOCK - 2, maxLength: GRID_BLOCK - 2 })
    // A quantizer takes scale and minimum from the extremes, so both occur.
    .map((inner) => [0, ...inner, 15])
  fc.assert(
    fc.property(minimumBits, levels, (minimum, q) => {
      const base = halfToFloat(minimum)
      // Q4_1's scale: the range of a block that lies about zero, in 15 steps.
      const scale = floatToHalf((2 * -base) / 15)
      const weights = dequantized(scale, base, q)
      const found = new Int16Array(GRID_BLOCK)
      const grid = fitGrid4(weights, 0, found)
      return (
        grid !== null &&
        dequantized(grid.scale, halfToFloat(grid.minimum), [...found]).every((w, i) => w === weights[i])
      )
    })
  )
})

t.test('weights once on a symmetric 8-bit grid are found too', async () => {
  const levels = fc
    .array(fc.integer({ min: -127, max: 127 }), { minLength: GRID_BLOCK - 1, maxLength: GRID_BLOCK - 1 })
    .map((inner) => [127, ...inner])
  fc.assert(
    fc.property(scaleBits, levels, (scale, q) => {
      const weights = dequantized(scale, 0, q)
      const found = new Int16Array(GRID_BLOCK)
      const fitted = fitGrid8(weights, 0, found)
      return fitted !== null && dequantized(fitted, 0, [...found]).every((w, i) => w === weights[i])
    })
  )
})

t.test('weights on no grid are told apart', async (t) => {
  const weights = Float32Array.from({ length: GRID_BLOCK }, (_, i) => roundToBfloat16(Math.sin(i * i + 1)))
  t.equal(fitGrid4(weights, 0, new Int16Array(GRID_BLOCK)), null)
  t.equal(fitGrid8(weights, 0, new Int16Array(GRID_BLOCK)), null)
  const notBfloat16 = Float32Array.from({ length: GRID_BLOCK }, (_, i) => i * 0.1)
  t.equal(fitGrid4(notBfloat16, 0, new Int16Array(GRID_BLOCK)), null)
})

t.test('a block of zeros, and one of a single value', async (t) => {
  const q = new Int16Array(GRID_BLOCK)
  t.same(fitGrid8(new Float32Array(GRID_BLOCK), 0, q), 0)
  const grid = fitGrid4(new Float32Array(GRID_BLOCK).fill(-0.5), 0, q)
  t.equal(halfToFloat(grid!.minimum), -0.5)
})

t.test('float16 bits of every float16 value are its own', async (t) => {
  let wrong = 0
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = halfToFloat(bits)
    if (Number.isFinite(value) && value !== 0 && floatToHalf(value) !== bits) wrong++
  }
  t.equal(wrong, 0)
})
