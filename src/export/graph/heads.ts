/**
 * heads.onnx: hidden states -> ratings, gating weights, adjusted ratings, score; all float32.
 * Source: modeling_custom.py of RLHFlow/ArmoRM-Llama3-8B-v0.1 (class LlamaForRewardModelWithGating).
 */
import type { HeadsConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { readFinite } from '../../checkpoint/weights.js'
import { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'

/**
 *     response_states ── regression ── ratings ── MatMul T ── adjusted ─┐
 *     prompt_states ── Gemm, Relu ... Gemm ── / temperature ── Softmax ── * scale ── gating ─┴─ Mul, ReduceSum ── score
 *
 * The score is summed in float64, so that it agrees with its contributions however many objectives there are.
 * @throws ArmormError unsupported_checkpoint for a weight that is not a finite number
 */
export async function buildHeads(reader: SafetensorsReader, config: HeadsConfig): Promise<GraphBuilder> {
  const graph = new GraphBuilder('heads')
  const { hiddenSize, objectives } = config
  const response = graph.input('response_states', DataType.FLOAT, ['N', hiddenSize])
  const prompt = graph.input('prompt_states', DataType.FLOAT, ['N', hiddenSize])
  const tensor = async (name: string): Promise<string> =>
    graph.tensor(name, DataType.FLOAT, reader.info(name).shape, await readFinite(reader, name))
  const gemm = { attributes: { transB: { int: 1 } } }

  const ratings = graph.node('/regression', 'Gemm', [response, await tensor('regression_layer.weight')], gemm)
  const adjusted = graph.node('/transform', 'MatMul', [ratings, await tensor('reward_transform_matrix')])

  let gate = prompt
  for (let layer = 0; layer <= config.gatingHiddenLayers; layer++) {
    const weights = [await tensor(`gating.layers.${layer}.weight`), await tensor(`gating.layers.${layer}.bias`)]
    gate = graph.node(`/gating/layers.${layer}`, 'Gemm', [gate, ...weights], gemm)
    if (layer < config.gatingHiddenLayers) gate = graph.node(`/gating/layers.${layer}`, 'Relu', [gate])
  }
  const logits = graph.node('/gating/tempered', 'Div', [gate, graph.float(config.gatingTemperature)])
  const weights = graph.node('/gating', 'Softmax', [logits], { attributes: { axis: { int: -1 } } })
  const gating = graph.node('/gating/scaled', 'Mul', [weights, await tensor('gating.logit_scale')])

  const double = (value: string, path: string): string =>
    graph.node(path, 'Cast', [value], { attributes: { to: { int: DataType.DOUBLE } } })
  const contributions = graph.node('/contributions', 'Mul', [
    double(gating, '/gating/double'),
    double(adjusted, '/adjusted/double')
  ])
  const sum = graph.node('/score', 'ReduceSum', [contributions, graph.ints(-1)], {
    attributes: { keepdims: { int: 0 } }
  })
  const score = graph.node('/score', 'Cast', [sum], { attributes: { to: { int: DataType.FLOAT } } })

  graph.output('ratings', ratings, DataType.FLOAT, ['N', objectives])
  graph.output('gating', gating, DataType.FLOAT, ['N', objectives])
  graph.output('adjusted', adjusted, DataType.FLOAT, ['N', objectives])
  graph.output('score', score, DataType.FLOAT, ['N'])
  return graph
}
