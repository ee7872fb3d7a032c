/**
 * One training step of the gate as one ONNX graph: forward, backward and AdamW update.
 * Shapes: B pairs of a batch, H width of the states, W width of the hidden layers, K objectives.
 */
import type { StateTensor } from '../../engine/session.js'
import { GraphBuilder } from '../../export/onnx/graph-builder.js'
import { DataType } from '../../export/onnx/model.js'
import { gateTensors, type GateShape } from './gate.js'

const { FLOAT } = DataType

/** What the graph is built for; everything else is an input. */
export interface StepOptions extends GateShape {
  /** Divides the logits before the softmax. */
  readonly temperature: number
  /** Whether hidden units are dropped: then the graph reads a mask for every hidden layer. */
  readonly dropout: boolean
  /** Whether weights decay: then the graph reads `decay`. */
  readonly decay: boolean
  /** What the learning rate of the scale is multiplied with. */
  readonly scaleRate: number
  readonly beta1: number
  readonly beta2: number
}

export const momentName = (name: string): string => `mean/${name}`
const squareName = (name: string): string => `square/${name}`
/** An updated tensor, as the graph gives it out. */
const nextName = (name: string): string => `next/${name}`
export const maskName = (layer: number): string => `mask/${layer}`

/** What the graph reads and gives out, changed: the gate's tensors and two moments of each. */
export function gateState(shape: GateShape): StateTensor[] {
  return gateTensors(shape).flatMap(({ name, shape: sizes }) =>
    [name, momentName(name), squareName(name)].map((input) => ({ input, output: nextName(input), shape: sizes }))
  )
}

/**
 *     states [B, H] ── Gemm, Relu, * mask ... Gemm ── / temperature ── Softmax ── weights [B, K]
 *     margin [B] = sum_j weights_j differences_j      loss = sum_b pair_weights_b softplus(-scale margin_b)
 *
 * `differences` [B, K] are transformed ratings, chosen minus rejected; `pair_weights` [B] add up to 1. With
 * e_b = -pair_weights_b sigmoid(-scale margin_b), the gradient at the gate's last layer is
 * e_b scale / temperature weights_bj (differences_bj - margin_b), and that of the scale sum_b e_b margin_b.
 *
 * AdamW (Loshchilov & Hutter, arXiv 1711.05101; torch.optim.AdamW) with moments that are kept as plain decayed sums,
 * M = beta1 M + g and V = beta2 V + g², which saves two passes over all parameters. The constants that torch puts before
 * them are in two inputs, `rate` and `epsilon` (stepScalars): p = decay p - rate M / (sqrt(V) + epsilon). Matrices alone
 * decay, biases and the scale do not.
 */
export function buildStep(options: StepOptions): GraphBuilder {
  const graph = new GraphBuilder('gate_step')
  const { hidden, objectives, layers: depth } = options
  const scalar = (name: string): string => graph.input(name, FLOAT, [])
  let state = graph.input('states', FLOAT, ['B', hidden])
  const differences = graph.input('differences', FLOAT, ['B', objectives])
  const pairWeights = graph.input('pair_weights', FLOAT, ['B'])
  const tensors = gateTensors(options)
  for (const { name, shape } of tensors) graph.input(name, FLOAT, shape)

  // Forward; `inputs[i]` is what layer i reads.
  const inputs: string[] = []
  const masks: string[] = []
  for (let layer = 0; layer <= depth; layer++) {
    const path = `/forward/layers.${layer}`
    inputs.push(state)
    state = graph.node(path, 'Gemm', [state, `layers.${layer}.weight`, `layers.${layer}.bias`], TRANSPOSED_B)
    if (layer === depth) break
    state = graph.node(path, 'Relu', [state])
    if (!options.dropout) continue
    masks.push(graph.input(maskName(layer), FLOAT, ['B', options.width]))
    state = graph.node(path, 'Mul', [state, masks[layer]!])
  }
  const logits = graph.node('/forward/tempered', 'Mul', [state, graph.float(1 / options.temperature)])
  const weights = graph.node('/forward', 'Softmax', [logits], { attributes: { axis: { int: -1 } } })
  const contributions = graph.node('/forward', 'Mul', [weights, differences])
  const margins = graph.node('/forward/margins', 'ReduceSum', [contributions, graph.ints(1)], KEEP)
  const scaled = graph.node('/forward/scaled', 'Mul', [margins, 'logit_scale'])
  const negative = graph.node('/forward', 'Neg', [scaled])
  const column = graph.node('/forward/column', 'Unsqueeze', [pairWeights, graph.ints(1)])
  const losses = graph.node('/forward/loss', 'Mul', [graph.node('/forward', 'Softplus', [negative]), column])
  graph.output('loss', graph.node('/forward/loss', 'ReduceSum', [losses], DROP), FLOAT, [])

  // Backward.
  const surprise = graph.node('/backward/surprise', 'Mul', [graph.node('/backward', 'Sigmoid', [negative]), column])
  const error = graph.node('/backward/error', 'Neg', [surprise])
  const gradients = new Map<string, string>()
  const scaleTerms = graph.node('/backward/scale', 'Mul', [error, margins])
  gradients.set('logit_scale', graph.node('/backward/scale', 'ReduceSum', [scaleTerms, graph.ints(0, 1)], DROP))
  const pull = graph.node('/backward/pull', 'Mul', [
    graph.node('/backward/scaled', 'Mul', [error, 'logit_scale']),
    graph.float(1 / options.temperature)
  ])
  const centred = graph.node('/backward/centred', 'Sub', [differences, margins])
  let gradient = graph.node('/backward/logits', 'Mul', [graph.node('/backward/w', 'Mul', [weights, centred]), pull])
  for (let layer = depth; layer >= 0; layer--) {
    const path = `/backward/layers.${layer}`
    const weight = `layers.${layer}.weight`
    gradients.set(weight, graph.node(`${path}/weight`, 'Gemm', [gradient, inputs[layer]!], TRANSPOSED_A))
    gradients.set(`layers.${layer}.bias`, graph.node(`${path}/bias`, 'ReduceSum', [gradient, graph.ints(0)], DROP))
    if (layer === 0) break
    // A unit that is dropped or below zero has an output of 0, and passes nothing back.
    const passes = graph.node(path, 'Greater', [inputs[layer]!, graph.float(0)])
    let back = graph.node(`${path}/input`, 'MatMul', [gradient, weight])
    if (options.dropout) back = graph.node(`${path}/dropped`, 'Mul', [back, masks[layer - 1]!])
    gradient = graph.node(path, 'Where', [passes, back, graph.float(0)])
  }

  // Update.
  const rate = scalar('rate')
  const scaleRate = graph.node('/update/scale_rate', 'Mul', [rate, graph.float(options.scaleRate)])
  const epsilon = scalar('epsilon')
  const decay = options.decay ? scalar('decay') : null
  for (const { name, shape } of tensors) {
    const path = `/update/${name}`
    const slope = gradients.get(name)!
    const input = (moment: string): string => graph.input(moment, FLOAT, shape)
    const kept = (moment: string, beta: number): string =>
      graph.node(`${path}/${moment}`, 'Mul', [input(moment), graph.float(beta)])
    const mean = graph.node(`${path}/mean`, 'Add', [kept(momentName(name), options.beta1), slope])
    const squared = graph.node(`${path}/squared`, 'Mul', [slope, slope])
    const square = graph.node(`${path}/square`, 'Add', [kept(squareName(name), options.beta2), squared])
    const root = graph.node(`${path}/root`, 'Add', [graph.node(path, 'Sqrt', [square]), epsilon])
    const step = graph.node(`${path}/step`, 'Mul', [
      graph.node(path, 'Div', [mean, root]),
      name === 'logit_scale' ? scaleRate : rate
    ])
    const decayed = decay && shape.length === 2 ? graph.node(`${path}/decayed`, 'Mul', [name, decay]) : name
    graph.output(nextName(name), graph.node(path, 'Sub', [decayed, step]), FLOAT, shape)
    graph.output(nextName(momentName(name)), mean, FLOAT, shape)
    graph.output(nextName(squareName(name)), square, FLOAT, shape)
  }
  return graph
}

/** The gate's weights without the scale, which no comparison depends on: states [B, H] -> weights [B, K]. */
export function buildWeights(shape: GateShape, temperature: number): GraphBuilder {
  const graph = new GraphBuilder('gate_weights')
  let state = graph.input('states', FLOAT, ['B', shape.hidden])
  for (const { name, shape: sizes } of gateTensors(shape)) if (name !== 'logit_scale') graph.input(name, FLOAT, sizes)
  for (let layer = 0; layer <= shape.layers; layer++) {
    const path = `/layers.${layer}`
    state = graph.node(path, 'Gemm', [state, `layers.${layer}.weight`, `layers.${layer}.bias`], TRANSPOSED_B)
    if (layer < shape.layers) state = graph.node(path, 'Relu', [state])
  }
  const logits = graph.node('/tempered', 'Mul', [state, graph.float(1 / temperature)])
  const weights = graph.node('/weights', 'Softmax', [logits], { attributes: { axis: { int: -1 } } })
  graph.output('weights', weights, FLOAT, ['B', shape.objectives])
  return graph
}

export interface AdamW {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/**
 * The graph's scalars for a step: with them its update is torch's.
 * @param step counted from 1
 */
export function stepScalars(
  { beta1, beta2, epsilon }: AdamW,
  step: number,
  learningRate: number,
  weightDecay: number
): { rate: number; epsilon: number; decay: number } {
  const root = Math.sqrt((1 - beta2) / (1 - beta2 ** step))
  return {
    rate: (learningRate * (1 - beta1)) / (1 - beta1 ** step) / root,
    epsilon: epsilon / root,
    decay: 1 - learningRate * weightDecay
  }
}

const TRANSPOSED_A = { attributes: { transA: { int: 1 } } }
const TRANSPOSED_B = { attributes: { transB: { int: 1 } } }
const KEEP = { attributes: { keepdims: { int: 1 } } }
const DROP = { attributes: { keepdims: { int: 0 } } }
