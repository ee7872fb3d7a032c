/** Sixteen-bit floats, as bits. */
import { halfValues } from '../../checkpoint/widen.js'

const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)

/** float32 rounded to the nearest bfloat16 (ties to even), as float32. Finite values only. */
export function roundToBfloat16(value: number): number {
  float[0] = value
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000
  return float[0]
}

export function halfToFloat(half: number): number {
  return halfValues()[half]!
}

/** Float16 bits of each value; what is beyond the range becomes infinite. */
export function toHalf(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, floatToHalf)
}

/** Bits of a float16 next to `value`, at most one step away; NaN and values beyond the range give infinity's. */
export function floatToHalf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0
  const magnitude = Math.abs(value)
  if (!(magnitude < 65520)) return sign | 0x7c00
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24)
  const exponent = Math.floor(Math.log2(magnitude))
  // A fraction that rounds up to 1024 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + Math.round((magnitude / 2 ** exponent - 1) * 1024))
}
