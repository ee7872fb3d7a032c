/**
 * One layer of a folded backbone in float32 with measurements of what its matrices read: states in, states out. Layers
 * are calibrated one by one, so that one of them is in memory at a time.
 */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { FoldedBackbone, FoldedMatrix, MatrixName } from '../quantize/folded.js'
import { WIDEST_COVARIANCE } from '../quantize/statistics.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import type { WeightSink } from '../weights/store.js'
import { cascade } from './attention-cascade.js'
import {
  afterAttention,
  attentionInputs,
  foldedContext,
  type FoldedLayer,
  type Linears,
  type ResidualLinear,
  unitNorm
} from './folded-layer.js'

/** Groups of matrices over one input that are quantized. */
export const GROUPS = ['q', 'gateUp'] as const
export type GroupName = (typeof GROUPS)[number]

/** Stores W `[inputs, outputs]` in float32. */
export async function storeMatrix(sink: WeightSink, name: string, matrix: FoldedMatrix): Promise<string> {
  const { inputs, outputs, weights } = matrix
  const region = sink.data.allocate(weights.length * 4)
  await sink.data.write(region, 0, new Float32Array(weights))
  return sink.graph.externalTensor(name, DataType.FLOAT, [inputs, outputs], sink.data, region)
}

/**
 * Inputs: those of cascade attention; `residual` float `[T, hidden]`; `weights` float `[2, T]`, how often each token
 * counts among all and among the quantized ones. Outputs: `residual_out`, and of each group `<group>_sums` `[2, inputs]`
 * and `<group>_products` `[inputs, inputs]`.
 */
export async function buildCalibrationLayer(
  sink: WeightSink,
  folded: FoldedBackbone,
  layer: number,
  arrange: (name: MatrixName, matrix: FoldedMatrix) => FoldedMatrix,
  maxTokens: number
): Promise<void> {
  const { graph } = sink
  const config: ModelConfig = folded.config
  const wanted = graph.input('wanted', DataType.INT32, ['P'])
  const core = cascade(graph, config, maxTokens, wanted)
  const residual = graph.input('residual', DataType.FLOAT, ['T', config.hiddenSize])
  const weights = graph.input('weights', DataType.FLOAT, [2, 'T'])
  const context = foldedContext(graph, config, core)

  const measure = (group: GroupName, x: string, inputs: number): void => {
    const sums = graph.node(`/${group}/sums`, 'MatMul', [weights, x])
    graph.output(`${group}_sums`, sums, DataType.FLOAT, [2, inputs])
    if (inputs <= WIDEST_COVARIANCE) {
      const all = graph.node(`/${group}/all`, 'Slice', [weights, graph.ints(0), graph.ints(1), graph.ints(0)])
      const column = graph.node(`/${group}/all`, 'Reshape', [all, graph.ints(-1, 1)])
      const counted = graph.node(`/${group}/counted`, 'Mul', [x, column])
      const products = graph.node(`/${group}/products`, 'FusedMatMul', [counted, x], {
        domain: 'com.microsoft',
        attributes: { transA: { int: 1 } }
      })
      graph.output(`${group}_products`, products, DataType.FLOAT, [inputs, inputs])
    }
  }
  /** @param group what their input is measured as; null: it is not */
  const linears = async (names: readonly MatrixName[], group: GroupName | null): Promise<Linears> => {
    let width = 0
    const stored: { weights: string; bias: string }[] = []
    for (const name of names) {
      const matrix = arrange(name, await folded.matrix(layer, name))
      const bias = new Float32Array(matrix.bias)
      stored.push({
        weights: await storeMatrix(sink, `${name}.weight`, matrix),
        bias: graph.tensor(`${name}.bias`, DataType.FLOAT, [bias.length], bias)
      })
      width = matrix.inputs
    }
    return (within: GraphBuilder, path, x) => {
      if (group !== null) measure(group, x, width)
      return stored.map(({ weights: w, bias }, i) =>
        within.node(`${path}/${i}`, 'Add', [within.node(`${path}/${i}`, 'MatMul', [x, w]), bias])
      )
    }
  }
  const none = graph.tensor(
    '/constants/zeros',
    DataType.FLOAT,
    [config.hiddenSize],
    new Float32Array(config.hiddenSize)
  )
  const residualLinear = async (name: MatrixName): Promise<ResidualLinear> => ({
    product: await linears([name], null),
    bias: none
  })
  const products: FoldedLayer = {
    qkv: await linears(['q_proj', 'k_proj', 'v_proj'], 'q'),
    o: await residualLinear('o_proj'),
    gateUp: await linears(['gate_proj', 'up_proj'], 'gateUp'),
    down: await residualLinear('down_proj')
  }
  const normed = unitNorm(context, graph, '/norm', residual)
  const [q, k, v] = attentionInputs(context, graph, '/attn', products.qkv, normed, core.positions)
  const flat = core.attend('/attn', q!, k!, v!, 'all')
  const attended = graph.node('/attn/packed', 'Gather', [flat, core.slots])
  const after = afterAttention(context, graph, '/after', products, attended, residual)
  const out = graph.node('/residual', 'Add', [after.residual, after.delta])
  graph.output('residual_out', out, DataType.FLOAT, ['T', config.hiddenSize])
}
