/** What of a folded backbone's layer is in 8 bits. */
import type { FoldedBackbone, FoldedMatrix, MatrixName } from './folded.js'
import { inputFactor, type Levels8, roundGptq, roundNearest } from './gptq.js'
import type { InputStatistics, LayerStatistics } from './statistics.js'

/** y = (x - mean) W + shift, W = levels * scales. */
export interface QuantizedMatrix extends Levels8 {
  readonly name: MatrixName
  readonly inputs: number
  readonly outputs: number
  /** `[outputs]` */
  readonly shift: Float32Array
}

/** Matrices over one input. */
export interface QuantizedGroup {
  /** `[inputs]` */
  readonly mean: Float32Array
  readonly matrices: readonly QuantizedMatrix[]
}

export interface QuantizedLayer {
  readonly q: QuantizedGroup
  readonly gateUp: QuantizedGroup
}

/** y for the mean: mean W + b `[outputs]`. */
function shiftOf({ inputs, outputs, weights, bias }: FoldedMatrix, mean: Float64Array): Float32Array {
  const shift = bias.slice()
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < outputs; j++) shift[j]! += mean[i]! * weights[i * outputs + j]!
  }
  return new Float32Array(shift)
}

/** Rounds matrices over one input; their weights are used up. */
function quantize(
  matrices: readonly (readonly [MatrixName, FoldedMatrix])[],
  { mean, covariance }: InputStatistics
): QuantizedGroup {
  const factor = covariance && inputFactor(covariance)
  return {
    mean: new Float32Array(mean),
    matrices: matrices.map(([name, matrix]) => {
      const { inputs, outputs, weights } = matrix
      const shift = shiftOf(matrix, mean)
      const rounded = factor ? roundGptq(weights, outputs, factor) : roundNearest(weights, outputs)
      return { name, inputs, outputs, shift, ...rounded }
    })
  }
}

/** Rounds what of a layer is quantized. */
export async function quantizeLayer(
  folded: FoldedBackbone,
  layer: number,
  statistics: LayerStatistics,
  arrange: (name: MatrixName, matrix: FoldedMatrix) => FoldedMatrix
): Promise<QuantizedLayer> {
  const load = async (name: MatrixName) => [name, arrange(name, await folded.matrix(layer, name))] as const
  return {
    q: quantize([await load('q_proj')], statistics.q),
    gateUp: quantize([await load('gate_proj'), await load('up_proj')], statistics.gateUp)
  }
}
