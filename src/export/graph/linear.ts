/** Subgraph: x W^T (+ b), W `[out, in]` as torch keeps it. */
import { DataType } from '../onnx/model.js'
import { rowBlocks, type WeightSource } from '../../checkpoint/weights.js'
import { storeCompact, storeFloat, storeNBits8, type WeightSink } from '../weights/store.js'
import { decodeMatrix } from './decode.js'

export type Precision = 'fp32' | 'int8' | 'compact'

/** Weights that share a scale at precision int8. */
const INT8_BLOCK = 64
/**
 * MatMulNBits' `accuracy_level` for float32 activations. With 8-bit activations (level 4) Llama's few huge activations
 * drown the rest: the built-in model's scores then keep a rank correlation of 0.94 with fp32 instead of 0.99.
 */
const FLOAT_ACTIVATIONS = 1

/**
 * float32 `[T, in]` -> `[T, out]`.
 *
 *     fp32      x ── FusedMatMul(transB) ── [Add bias]
 *     compact   the same, over decoded weights
 *     int8      x ── MatMulNBits ── [Add bias]
 */
export async function linear(
  sink: WeightSink,
  path: string,
  precision: Precision,
  x: string,
  weights: WeightSource,
  bias?: WeightSource
): Promise<string> {
  const product = await multiply(sink, path, precision, x, weights)
  if (!bias) return product
  return sink.graph.node(`${path}/bias`, 'Add', [product, await vector(sink, `${path}.bias`, bias)])
}

async function multiply(
  sink: WeightSink,
  path: string,
  precision: Precision,
  x: string,
  weights: WeightSource
): Promise<string> {
  const { graph } = sink
  const name = `${path}.weight`
  if (precision === 'int8') {
    const stored = await storeNBits8(sink, name, weights, INT8_BLOCK)
    return graph.node(path, 'MatMulNBits', [x, stored.levels, stored.scales], {
      domain: 'com.microsoft',
      attributes: {
        K: { int: stored.columns },
        N: { int: stored.rows },
        bits: { int: 8 },
        block_size: { int: stored.block },
        accuracy_level: { int: FLOAT_ACTIVATIONS }
      }
    })
  }
  const stored =
    precision === 'compact' ? await storeCompact(sink, name, weights) : await storeFloat(sink, name, weights)
  return graph.node(path, 'FusedMatMul', [x, decodeMatrix(graph, `${path}/weight`, stored)], {
    domain: 'com.microsoft',
    attributes: { transB: { int: 1 } }
  })
}

/** A one-row source as an initializer `[columns]` of the graph file: biases and norm weights. */
export async function vector(sink: WeightSink, name: string, source: WeightSource): Promise<string> {
  const values = new Float32Array(source.rows * source.columns)
  for await (const { first, block } of rowBlocks(source)) values.set(block, first * source.columns)
  sink.onProgress(values.length)
  return sink.graph.tensor(name, DataType.FLOAT, [values.length], values)
}
