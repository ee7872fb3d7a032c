/** Writes weight matrices as initializers, in each of the forms that the graphs compute from. */
import { ArmormError } from '../../errors.js'
import type { ExternalDataWriter, ExternalRegion } from '../onnx/external-data.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import { fitGrid4, fitGrid8, GRID_BLOCK } from './grid.js'
import { toHalf } from './half.js'
import { rowBlocks, type WeightSource } from '../../checkpoint/weights.js'

/** Where weights go, and who is told how far they are. */
export interface WeightSink {
  readonly graph: GraphBuilder
  readonly data: ExternalDataWriter
  /** What activations, norms and biases of the graph are. */
  readonly computeType: typeof DataType.FLOAT | typeof DataType.FLOAT16
  /** Called with the number of weights written since the last call. */
  readonly onProgress: (weights: number) => void
  /** Becomes false once a matrix has been rounded. */
  lossless: boolean
}

/** A stored matrix `[rows, columns]`; the names are initializers. */
export type StoredMatrix =
  | { readonly form: 'float'; readonly weights: string }
  /** `[rows, blocks, 16]` uint8 (low nibbles first), `[rows, blocks, 1]` float16 scales and minima; exact. */
  | {
      readonly form: 'grid4'
      readonly columns: number
      readonly levels: string
      readonly scales: string
      readonly minima: string
    }
  /** `[rows, blocks, 32]` int8, `[rows, blocks, 1]` scales; float16 scales mean the exact grid, float32 ones rounding. */
  | {
      readonly form: 'blocks8'
      readonly columns: number
      readonly levels: string
      readonly scales: string
      readonly exact: boolean
    }

const HALF_INFINITY = 0x7c00

/** `[rows, columns]` float32. */
export async function storeFloat(sink: WeightSink, name: string, source: WeightSource): Promise<StoredMatrix> {
  const region = sink.data.allocate(source.rows * source.columns * 4)
  for await (const { first, block } of rowBlocks(source)) {
    await sink.data.write(region, first * source.columns * 4, block)
    sink.onProgress(block.length)
  }
  const weights = sink.graph.externalTensor(name, DataType.FLOAT, [source.rows, source.columns], sink.data, region)
  return { form: 'float', weights }
}

/**
 * `[rows, columns]` float16.
 * @throws ArmormError unsupported_checkpoint for a weight beyond float16's range
 */
export async function storeHalf(sink: WeightSink, name: string, source: WeightSource): Promise<StoredMatrix> {
  sink.lossless = false
  const region = sink.data.allocate(source.rows * source.columns * 2)
  for await (const { first, block } of rowBlocks(source)) {
    const half = toHalf(block)
    if (half.some((bits) => (bits & 0x7fff) === HALF_INFINITY)) {
      throw new ArmormError('unsupported_checkpoint', `${name} holds a weight that float16 cannot (beyond 65504)`)
    }
    await sink.data.write(region, first * source.columns * 2, half)
    sink.onProgress(block.length)
  }
  const weights = sink.graph.externalTensor(name, DataType.FLOAT16, [source.rows, source.columns], sink.data, region)
  return { form: 'float', weights }
}

/** The smallest form that loses nothing; where there is none, 8 bits in blocks of 32. */
export async function storeCompact(sink: WeightSink, name: string, source: WeightSource): Promise<StoredMatrix> {
  return (
    (await storeGrid4(sink, name, source)) ??
    (await storeGrid8(sink, name, source)) ??
    (await storeBlocks8(sink, name, source))
  )
}

async function storeGrid4(sink: WeightSink, name: string, source: WeightSource): Promise<StoredMatrix | null> {
  if (source.columns % GRID_BLOCK !== 0) return null
  const blocks = source.columns / GRID_BLOCK
  const levels = sink.data.allocate((source.rows * source.columns) / 2)
  const scales = sink.data.allocate(source.rows * blocks * 2)
  const minima = sink.data.allocate(source.rows * blocks * 2)
  const q = new Int16Array(GRID_BLOCK)
  for await (const { first, block } of rowBlocks(source)) {
    const packed = new Uint8Array(block.length / 2)
    const scale = new Uint16Array(block.length / GRID_BLOCK)
    const minimum = new Uint16Array(scale.length)
    for (let b = 0; b < scale.length; b++) {
      const grid = fitGrid4(block, b * GRID_BLOCK, q)
      if (!grid) {
        sink.data.rewind(levels)
        return null
      }
      scale[b] = grid.scale
      minimum[b] = grid.minimum
      for (let i = 0; i < 16; i++) packed[b * 16 + i] = q[i]! | (q[i + 16]! << 4)
    }
    await sink.data.write(levels, (first * source.columns) / 2, packed)
    await sink.data.write(scales, first * blocks * 2, scale)
    await sink.data.write(minima, first * blocks * 2, minimum)
    sink.onProgress(block.length)
  }
  const half = (suffix: string, region: ExternalRegion): string =>
    sink.graph.externalTensor(`${name}.${suffix}`, DataType.FLOAT16, [source.rows, blocks, 1], sink.data, region)
  return {
    form: 'grid4',
    columns: source.columns,
    levels: sink.graph.externalTensor(`${name}.levels`, DataType.UINT8, [source.rows, blocks, 16], sink.data, levels),
    scales: half('scales', scales),
    minima: half('minima', minima)
  }
}

async function storeGrid8(sink: WeightSink, name: string, source: WeightSource): Promise<StoredMatrix | null> {
  if (source.columns % GRID_BLOCK !== 0) return null
  const blocks = source.columns / GRID_BLOCK
  const levels = sink.data.allocate(source.rows * source.columns)
  const scales = sink.data.allocate(source.rows * blocks * 2)
  const q = new Int16Array(GRID_BLOCK)
  for await (const { first, block } of rowBlocks(source)) {
    const level = new Int8Array(block.length)
    const scale = new Uint16Array(block.length / GRID_BLOCK)
    for (let b = 0; b < scale.length; b++) {
      const found = fitGrid8(block, b * GRID_BLOCK, q)
      if (found === null) {
        sink.data.rewind(levels)
        return null
      }
      scale[b] = found
      level.set(q, b * GRID_BLOCK)
    }
    await sink.data.write(levels, first * source.columns, level)
    await sink.data.write(scales, first * blocks * 2, scale)
    sink.onProgress(block.length)
  }
  return blocks8(sink, name, source, { levels, scales }, true)
}

/** Symmetric 8 bits with one float32 scale for every 32 weights of a row; the last block is padded with zeros. */
export async function storeBlocks8(sink: WeightSink, name: string, source: WeightSource): Promise<StoredMatrix> {
  return blocks8(sink, name, source, await writeBlocks8(sink, source), false)
}

/** Names what was written in blocks of 32 levels. */
function blocks8(
  { graph, data }: WeightSink,
  name: string,
  { rows, columns }: WeightSource,
  regions: { levels: ExternalRegion; scales: ExternalRegion },
  exact: boolean
): StoredMatrix {
  const blocks = Math.ceil(columns / GRID_BLOCK)
  const { levels, scales } = regions
  return {
    form: 'blocks8',
    exact,
    columns,
    levels: graph.externalTensor(`${name}.levels`, DataType.INT8, [rows, blocks, GRID_BLOCK], data, levels),
    scales: graph.externalTensor(
      `${name}.scales`,
      exact ? DataType.FLOAT16 : DataType.FLOAT,
      [rows, blocks, 1],
      data,
      scales
    )
  }
}

/** Levels -127..127, int8. */
async function writeBlocks8(
  sink: WeightSink,
  source: WeightSource
): Promise<{ levels: ExternalRegion; scales: ExternalRegion }> {
  const { rows, columns } = source
  const size = GRID_BLOCK
  const blocks = Math.ceil(columns / size)
  sink.lossless = false
  const levels = sink.data.allocate(rows * blocks * size)
  const scales = sink.data.allocate(rows * blocks * 4)
  for await (const { first, count, block } of rowBlocks(source)) {
    const level = new Int8Array(count * blocks * size)
    const scale = new Float32Array(count * blocks)
    for (let row = 0; row < count; row++) {
      for (let b = 0; b < blocks; b++) {
        const start = row * columns + b * size
        const end = row * columns + Math.min(columns, (b + 1) * size)
        let magnitude = 0
        for (let i = start; i < end; i++) magnitude = Math.max(magnitude, Math.abs(block[i]!))
        const step = Math.fround(magnitude / 127)
        scale[row * blocks + b] = step
        if (step === 0) continue
        const at = (row * blocks + b) * size - start
        for (let i = start; i < end; i++) {
          const rounded = Math.round(block[i]! / step)
          level[at + i] = Math.max(-127, Math.min(127, rounded))
        }
      }
    }
    await sink.data.write(levels, first * blocks * size, level)
    await sink.data.write(scales, first * blocks * 4, scale)
    sink.onProgress(block.length)
  }
  return { levels, scales }
}
