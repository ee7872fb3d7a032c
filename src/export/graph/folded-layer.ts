/**
 * Subgraphs of a folded layer (src/export/quantize/folded.ts), whatever computes its products: 8-bit integers in a
 * bundle, floats with measurements where it is calibrated.
 */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import type { Cascade } from './attention-cascade.js'

/** Linear layers over one input `[n, inputs]`: the output `[n, outputs]` of each. `path` is the caller's, unique. */
export type Linears = (graph: GraphBuilder, path: string, x: string) => string[]

/** A linear layer whose sum with the residual stream follows: its bias `[hidden]` is added there. */
export interface ResidualLinear {
  readonly product: Linears
  readonly bias: string
}

/** The products of a layer. */
export interface FoldedLayer {
  /** Queries, keys, values; where queries are computed elsewhere, keys and values. */
  readonly qkv: Linears
  readonly o: ResidualLinear
  readonly gateUp: Linears
  readonly down: ResidualLinear
}

/** What all layers share. */
export interface FoldedContext {
  readonly config: ModelConfig
  readonly cascade: Cascade
  /** float `[hidden]`: gains of one. */
  readonly ones: string
}

export function foldedContext(graph: GraphBuilder, config: ModelConfig, cascade: Cascade): FoldedContext {
  const size = config.hiddenSize
  const ones = graph.tensor('/constants/ones', DataType.FLOAT, [size], new Float32Array(size).fill(1))
  return { config, cascade, ones }
}

/** RMSNorm without gains. */
export function unitNorm(context: FoldedContext, graph: GraphBuilder, path: string, x: string): string {
  return graph.node(path, 'SimplifiedLayerNormalization', [x, context.ones], {
    attributes: { axis: { int: -1 }, epsilon: { float: context.config.rmsNormEps }, stash_type: { int: 1 } }
  })
}

/** Adds `delta` and `bias` to the residual stream, and normalizes the sum. */
export function unitSkipNorm(
  context: FoldedContext,
  graph: GraphBuilder,
  path: string,
  residual: string,
  delta: string,
  bias: string
): { normed: string; residual: string } {
  const [normed, sum] = graph.nodes(path, 'SkipSimplifiedLayerNormalization', [residual, delta, context.ones, bias], {
    domain: 'com.microsoft',
    attributes: { epsilon: { float: context.config.rmsNormEps } },
    outputs: [0, 3]
  })
  return { normed: normed!, residual: sum! }
}

/** Rotated queries (where `qkv` has them), rotated keys, values; `positions` int64 `[n, 1]`. */
export function attentionInputs(
  { config, cascade }: FoldedContext,
  graph: GraphBuilder,
  path: string,
  qkv: Linears,
  normed: string,
  positions: string
): string[] {
  const outputs = qkv(graph, `${path}/qkv`, normed)
  const counts = outputs.length === 3 ? [config.heads, config.kvHeads, 0] : [config.kvHeads, 0]
  return outputs.map((output, i) => {
    const heads = counts[i]!
    return heads === 0 ? output : cascade.rotate(graph, `${path}/rotary/${i}`, output, positions, heads)
  })
}

/** From attention's output `[n, heads * headDim]` and the residual stream to what down_proj adds to the latter. */
export function afterAttention(
  context: FoldedContext,
  graph: GraphBuilder,
  path: string,
  { o, gateUp, down }: Omit<FoldedLayer, 'qkv'>,
  attended: string,
  before: string
): { delta: string; residual: string } {
  const [projected] = o.product(graph, `${path}/o`, attended)
  const { normed, residual } = unitSkipNorm(context, graph, `${path}/norm`, before, projected!, o.bias)
  const [gate, up] = gateUp(graph, `${path}/gate_up`, normed)
  const silu = graph.node(`${path}/silu`, 'QuickGelu', [gate!], {
    domain: 'com.microsoft',
    attributes: { alpha: { float: 1 } }
  })
  const gated = graph.node(`${path}/gated`, 'Mul', [silu, up!])
  const [delta] = down.product(graph, `${path}/down`, gated)
  return { delta: delta!, residual }
}
