/**
 * One training step of a gate in float64, written out: what the graph of src/train/stage2 is held against.
 * Shapes: B pairs, H width of the states, W width of the hidden layers, K objectives; matrices are row-major.
 */

export interface PlainLayer {
  /** `[out, in]` */
  readonly weight: Float64Array
  /** `[out]` */
  readonly bias: Float64Array
}

export interface PlainGate {
  /** Hidden layers, then the output layer. */
  readonly layers: readonly PlainLayer[]
  readonly logitScale: number
}

export interface PlainBatch {
  /** `[B, H]` states at the gate position. */
  readonly states: Float64Array
  /** `[B, K]` transformed ratings, chosen minus rejected. */
  readonly differences: Float64Array
  /** `[B]`, adding up to 1. */
  readonly pairWeights: Float64Array
  /** `[B, W]` for each hidden layer: what its units are multiplied with; none without dropout. */
  readonly masks: readonly Float64Array[]
}

/**
 * Bradley-Terry loss sum_b pair_weights_b log(1 + exp(-scale sum_j softmax(logits_b / temperature)_j differences_bj))
 * and its gradients, of the same form as the gate.
 */
export function gateGradients(
  gate: PlainGate,
  batch: PlainBatch,
  temperature: number
): { loss: number; gradients: PlainGate } {
  const pairs = batch.pairWeights.length
  const depth = gate.layers.length - 1
  const inputs = [batch.states]
  for (const [index, { weight, bias }] of gate.layers.entries()) {
    const columns = weight.length / bias.length
    const output = new Float64Array(pairs * bias.length)
    for (let b = 0; b < pairs; b++) {
      for (let out = 0; out < bias.length; out++) {
        let sum = bias[out]!
        for (let i = 0; i < columns; i++) sum += inputs[index]![b * columns + i]! * weight[out * columns + i]!
        const at = b * bias.length + out
        output[at] = index === depth ? sum : Math.max(0, sum) * (batch.masks[index]?.[at] ?? 1)
      }
    }
    inputs.push(output)
  }

  const objectives = gate.layers[depth]!.bias.length
  const logits = inputs.pop()!
  let gradient = new Float64Array(logits.length)
  let loss = 0
  let scaleGradient = 0
  for (let b = 0; b < pairs; b++) {
    const row = Array.from(logits.subarray(b * objectives, (b + 1) * objectives), (logit) => logit / temperature)
    const top = Math.max(...row)
    const total = row.reduce((sum, logit) => sum + Math.exp(logit - top), 0)
    const weights = row.map((logit) => Math.exp(logit - top) / total)
    const margin = weights.reduce((sum, weight, j) => sum + weight * batch.differences[b * objectives + j]!, 0)
    const z = gate.logitScale * margin
    loss += batch.pairWeights[b]! * (Math.max(0, -z) + Math.log1p(Math.exp(-Math.abs(z))))
    const error = -batch.pairWeights[b]! / (1 + Math.exp(z))
    scaleGradient += error * margin
    for (let j = 0; j < objectives; j++) {
      const at = b * objectives + j
      gradient[at] = ((error * gate.logitScale) / temperature) * weights[j]! * (batch.differences[at]! - margin)
    }
  }

  const layers: PlainLayer[] = []
  for (let index = depth; index >= 0; index--) {
    const { weight, bias } = gate.layers[index]!
    const columns = weight.length / bias.length
    const slope = { weight: new Float64Array(weight.length), bias: new Float64Array(bias.length) }
    const back = new Float64Array(pairs * columns)
    for (let b = 0; b < pairs; b++) {
      for (let out = 0; out < bias.length; out++) {
        const error = gradient[b * bias.length + out]!
        slope.bias[out]! += error
        for (let i = 0; i < columns; i++) {
          const at = b * columns + i
          slope.weight[out * columns + i]! += error * inputs[index]![at]!
          // The input is what a ReLU and its mask let through; where it is 0 nothing passes.
          if (inputs[index]![at]! > 0)
            back[at]! += error * weight[out * columns + i]! * (batch.masks[index - 1]?.[at] ?? 1)
        }
      }
    }
    layers.unshift(slope)
    gradient = back
  }
  return { loss, gradients: { layers, logitScale: scaleGradient } }
}

export interface AdamWOptions {
  readonly learningRate: number
  readonly weightDecay: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/**
 * One step of AdamW (Loshchilov & Hutter, arXiv 1711.05101, algorithm 2, as torch.optim.AdamW computes it) on one tensor.
 * `values`, `mean` and `square` are overwritten.
 * @param step counted from 1
 */
export function adamW(
  { values, mean, square }: { values: Float64Array; mean: Float64Array; square: Float64Array },
  gradient: Float64Array,
  step: number,
  { learningRate, weightDecay, beta1, beta2, epsilon }: AdamWOptions
): void {
  for (let i = 0; i < values.length; i++) {
    values[i]! *= 1 - learningRate * weightDecay
    mean[i] = beta1 * mean[i]! + (1 - beta1) * gradient[i]!
    square[i] = beta2 * square[i]! + (1 - beta2) * gradient[i]! ** 2
    const root = Math.sqrt(square[i]! / (1 - beta2 ** step)) + epsilon
    values[i]! -= (learningRate * (mean[i]! / (1 - beta1 ** step))) / root
  }
}
