/** Subgraph: x W^T (+ b), W `[out, in]` as torch keeps it. */
import { toHalf } from '../weights/half.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import { rowBlocks, type WeightSource } from '../../checkpoint/weights.js'
import { storeCompact, storeFloat, storeHalf, type WeightSink } from '../weights/store.js'
import { decodeMatrix } from './decode.js'

export type Precision = 'fp32' | 'fp16' | 'int8' | 'compact'

/** Those that compute in floats; int8 has a graph of its own (backbone-int8.ts). */
export type FloatPrecision = Exclude<Precision, 'int8'>

/** Adds x W^T (+ b) to a graph, the one that holds the weights or a body within it: float `[T, in]` -> `[T, out]`. */
export type Linear = (graph: GraphBuilder, x: string) => string

/**
 * Stores the weights of a linear layer and says how to apply it.
 *
 *     fp32      x ── FusedMatMul(transB) ── [Add bias]
 *     fp16      the same in half precision
 *     compact   the same, over decoded weights
 */
export async function linearLayer(
  sink: WeightSink,
  path: string,
  precision: FloatPrecision,
  weights: WeightSource,
  bias?: WeightSource
): Promise<Linear> {
  const multiply = await product(sink, path, precision, weights)
  if (!bias) return multiply
  const added = await vector(sink, `${path}.bias`, bias)
  return (graph, x) => graph.node(`${path}/bias`, 'Add', [multiply(graph, x), added])
}

/** A linear layer on its only input. */
export async function linear(
  sink: WeightSink,
  path: string,
  precision: FloatPrecision,
  x: string,
  weights: WeightSource,
  bias?: WeightSource
): Promise<string> {
  const apply = await linearLayer(sink, path, precision, weights, bias)
  return apply(sink.graph, x)
}

const STORE = { fp32: storeFloat, fp16: storeHalf, compact: storeCompact } as const

async function product(
  sink: WeightSink,
  path: string,
  precision: FloatPrecision,
  weights: WeightSource
): Promise<Linear> {
  const name = `${path}.weight`
  const matrix = decodeMatrix(sink.graph, `${path}/weight`, await STORE[precision](sink, name, weights))
  return (graph, x) =>
    graph.node(path, 'FusedMatMul', [x, matrix], { domain: 'com.microsoft', attributes: { transB: { int: 1 } } })
}

/** A one-row source as an initializer `[columns]` of the graph file, of the type it computes in: biases, norm weights. */
export async function vector(sink: WeightSink, name: string, source: WeightSource): Promise<string> {
  const values = new Float32Array(source.rows * source.columns)
  for await (const { first, block } of rowBlocks(source)) values.set(block, first * source.columns)
  sink.onProgress(values.length)
  const data = sink.computeType === DataType.FLOAT16 ? toHalf(values) : values
  return sink.graph.tensor(name, sink.computeType, [values.length], data)
}
