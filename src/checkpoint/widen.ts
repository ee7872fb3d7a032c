/** Exact widening of the stored number formats to float32. */

export type StoredType = 'BF16' | 'F16' | 'F32'

/** Bytes of one stored element. */
export const ELEMENT_BYTES: Readonly<Record<StoredType, number>> = { BF16: 2, F16: 2, F32: 4 }

/** Built on first use. */
let halfTable: Float32Array | undefined

/** `[65536]` float32 value of every float16 bit pattern. */
export function halfValues(): Float32Array {
  if (halfTable) return halfTable
  const table = new Float32Array(65536)
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 31
    const fraction = bits & 1023
    if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity
    else if (exponent === 0) table[bits] = sign * fraction * 2 ** -24
    else table[bits] = sign * (1024 + fraction) * 2 ** (exponent - 25)
  }
  halfTable = table
  return table
}

/**
 * Widens stored little-endian elements into `target` from index `at` on. Exact: every bfloat16 and float16 value is a
 * float32 value too.
 * @param bytes `[n * ELEMENT_BYTES[type]]` stored bytes, n whole elements
 */
export function widen(type: StoredType, bytes: Uint8Array, target: Float32Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const elements = bytes.byteLength / ELEMENT_BYTES[type]
  if (type === 'BF16') {
    // A bfloat16 is the upper half of a float32.
    const bits = new Uint32Array(target.buffer, target.byteOffset, target.length)
    for (let i = 0; i < elements; i++) bits[at + i] = view.getUint16(2 * i, true) << 16
  } else if (type === 'F16') {
    const values = halfValues()
    for (let i = 0; i < elements; i++) target[at + i] = values[view.getUint16(2 * i, true)]!
  } else {
    for (let i = 0; i < elements; i++) target[at + i] = view.getFloat32(4 * i, true)
  }
}
