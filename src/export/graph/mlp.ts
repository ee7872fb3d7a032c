/** Subgraph: the gated feed-forward layer, down(silu(gate(x)) * up(x)). */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { tensorSource } from '../../checkpoint/weights.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import type { WeightSink } from '../weights/store.js'
import { inChunks } from './chunks.js'
import { type Linear, linearLayer, type FloatPrecision } from './linear.js'

/**
 * float `[T, hidden]` -> `[T, hidden]`.
 *
 *     x ─┬─ gate_proj ── QuickGelu(1) ─┬─ Mul ── down_proj
 *        └─ up_proj ───────────────────┘
 *
 * QuickGelu with alpha 1 is silu (y * sigmoid(y)) in one pass.
 * @param chunks int64 scalar, or null for 1: equal parts of the tokens, which run one after another.
 */
export async function mlp(
  sink: WeightSink,
  reader: SafetensorsReader,
  config: ModelConfig,
  layer: number,
  precision: FloatPrecision,
  x: string,
  chunks: string | null
): Promise<string> {
  const path = `/layers.${layer}/mlp`
  const project = (name: string): Promise<Linear> => {
    const tensor = (part: string) => tensorSource(reader, `model.layers.${layer}.mlp.${name}.${part}`)
    const bias = config.mlpBias ? tensor('bias') : undefined
    return linearLayer(sink, `${path}/${name}`, precision, tensor('weight'), bias)
  }
  const [gate, up, down] = [await project('gate_proj'), await project('up_proj'), await project('down_proj')]
  const feedForward = (graph: GraphBuilder, input: string): string => {
    const silu = graph.node(`${path}/silu`, 'QuickGelu', [gate(graph, input)], {
      domain: 'com.microsoft',
      attributes: { alpha: { float: 1 } }
    })
    return down(graph, graph.node(`${path}/gated`, 'Mul', [silu, up(graph, input)]))
  }
  const { graph } = sink
  if (chunks === null) return feedForward(graph, x)

  const rows = { value: x, width: config.hiddenSize }
  const compute = (body: GraphBuilder, [part]: readonly string[]): string[] => [feedForward(body, part!)]
  return inChunks(graph, path, chunks, [rows], [config.hiddenSize], sink.computeType, compute)[0]!
}
