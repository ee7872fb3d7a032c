/** Subgraph: the gated feed-forward layer, down(silu(gate(x)) * up(x)). */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { tensorSource } from '../../checkpoint/weights.js'
import { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import type { WeightSink } from '../weights/store.js'
import { type Linear, linearLayer, type Precision } from './linear.js'

/**
 * float `[T, hidden]` -> `[T, hidden]`.
 *
 *     x ─┬─ gate_proj ── QuickGelu(1) ─┬─ Mul ── down_proj
 *        └─ up_proj ───────────────────┘
 *
 * QuickGelu with alpha 1 is silu (y * sigmoid(y)) in one pass.
 * @param chunks int64 scalar, or null for 1: equal parts of the tokens, which run one after another. What lies between
 * the layers is several times wider than x; of one part it stays in a CPU's cache.
 */
export async function mlp(
  sink: WeightSink,
  reader: SafetensorsReader,
  config: ModelConfig,
  layer: number,
  precision: Precision,
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

  const count = graph.node(`${path}/chunks`, 'Unsqueeze', [chunks, graph.ints(0)])
  const shape = graph.node(`${path}/chunks`, 'Concat', [count, graph.ints(-1, config.hiddenSize)], {
    attributes: { axis: { int: 0 } }
  })
  const parts = graph.node(`${path}/chunks`, 'Reshape', [x, shape])
  const body = new GraphBuilder(`${path}/chunk`, graph)
  const turn = body.input(`${path}/chunk/turn`, DataType.INT64, [])
  const proceed = body.input(`${path}/chunk/proceed`, DataType.BOOL, [])
  const output = feedForward(body, body.node(`${path}/chunk`, 'Gather', [parts, turn]))
  body.output(`${path}/chunk/go_on`, proceed, DataType.BOOL, [])
  body.output(`${path}/chunk/output`, output, sink.computeType, ['C', config.hiddenSize])
  const outputs = graph.node(path, 'Loop', [chunks, graph.bool(true)], { attributes: { body: { graph: body.body() } } })
  return graph.node(`${path}/flat`, 'Reshape', [outputs, graph.ints(-1, config.hiddenSize)])
}
