/** Weights as the exporter stores them (src/export/weights/store.ts), back to what the checkpoint had. */
import type { StoredType } from '../../checkpoint/widen.js'
import { halfValues } from '../../checkpoint/widen.js'
import { DataType } from '../onnx/model.js'
import { GRID_BLOCK } from '../weights/grid.js'
import type { Initializer, OnnxFile } from './read-onnx.js'

/** A weight that can be told from the bundle; nothing is read before it is asked for. */
export interface Stored {
  readonly shape: readonly number[]
  /** Narrowest type that holds every value: bfloat16 for what lies on a grid, else float32. */
  readonly dtype: StoredType
  /** Row-major. */
  readonly values: () => Promise<Float32Array>
}

/**
 * A stored weight by its name; null where the file has none of that name.
 * @param columns width of a row before blocks were filled up
 * @throws Error for weights that were rounded when they were stored: what they were is lost
 */
export function stored(file: OnnxFile, name: string, columns: number): Stored | null {
  const find = (suffix: string) => file.initializers.get(name + suffix)
  const plain = find('')
  if (plain) return { shape: plain.dims, dtype: 'F32', values: () => floats(plain) }
  const [levels, scales, minima] = [find('.levels'), find('.scales'), find('.minima')]
  if (!levels || !scales) return null
  if (scales.dataType !== DataType.FLOAT16) throw new Error(`${name} is stored rounded`)
  const [rows = 0, blocks = 0] = levels.dims
  return {
    shape: [rows, columns],
    dtype: 'BF16',
    values: () => gridValues({ levels, scales, minima }, rows, columns, blocks)
  }
}

interface Grid {
  readonly levels: Initializer
  readonly scales: Initializer
  readonly minima: Initializer | undefined
}

/** As the graph decodes them when it is loaded. */
async function gridValues(grid: Grid, rows: number, columns: number, blocks: number): Promise<Float32Array> {
  const bytes = await grid.levels.bytes()
  const values = new Float32Array(rows * columns)
  const scale = await floats(grid.scales)
  const minimum = grid.minima ? await floats(grid.minima) : null
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
  return values
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
