/** Weights as the exporter stores them (src/export/weights/store.ts), back to float32; the graphs do the same at load. */
import { halfValues } from '../../../src/checkpoint/widen.js'
import { DataType } from '../../../src/export/onnx/model.js'
import { GRID_BLOCK } from '../../../src/export/weights/grid.js'
import type { Initializer, OnnxFile } from './read-onnx.js'

export interface Matrix {
  readonly shape: readonly number[]
  /** Row-major. */
  readonly values: Float32Array
}

/**
 * A stored weight by its name; null where the file has none of that name.
 * @param columns width of a row before blocks were filled up
 * @throws Error for weights that were rounded when they were stored: what they were is lost
 */
export async function decode(file: OnnxFile, name: string, columns: number): Promise<Matrix | null> {
  const find = (suffix: string) => file.initializers.get(name + suffix)
  const plain = find('')
  if (plain) return { shape: plain.dims, values: await floats(plain) }
  const [levels, scales, minima] = [find('.levels'), find('.scales'), find('.minima')]
  if (!levels || !scales) return null
  if (scales.dataType !== DataType.FLOAT16) throw new Error(`${name} is stored rounded`)
  const bytes = await levels.bytes()
  const [rows = 0, blocks = 0] = levels.dims
  const values = new Float32Array(rows * columns)
  const scale = await floats(scales)
  const minimum = minima ? await floats(minima) : null
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = row * blocks + Math.floor(column / GRID_BLOCK)
      const within = column % GRID_BLOCK
      const level = minimum
        ? (bytes[block * 16 + (within % 16)]! >> (within < 16 ? 0 : 4)) & 15
        : bytes.readInt8(block * GRID_BLOCK + within)
      const scaled = Math.fround(level * scale[block]!)
      values[row * columns + column] = toBfloat16(minimum ? Math.fround(scaled + minimum[block]!) : scaled)
    }
  }
  return { shape: [rows, columns], values }
}

async function floats({ dataType, bytes }: Initializer): Promise<Float32Array> {
  const buffer = await bytes()
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  if (dataType === DataType.FLOAT) {
    return Float32Array.from({ length: buffer.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
  }
  if (dataType === DataType.FLOAT16) {
    const half = halfValues()
    return Float32Array.from({ length: buffer.length / 2 }, (_, i) => half[view.getUint16(2 * i, true)]!)
  }
  throw new Error(`data type ${dataType} is not one that weights have`)
}

const bits = new Uint32Array(1)
const asFloat = new Float32Array(bits.buffer)

/** Nearest bfloat16, ties to even, as a float32. */
function toBfloat16(value: number): number {
  asFloat[0] = value
  const raw = bits[0]!
  bits[0] = (raw + 0x7fff + ((raw >>> 16) & 1)) & 0xffff0000
  return asFloat[0]
}
