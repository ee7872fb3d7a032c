/** One layer of a folded backbone in 8 bits. */
import type { FoldedBackbone, FoldedMatrix, MatrixName } from './folded.js'
import { inputFactor, type Levels8, roundGptq, roundNearest } from './gptq.js'
import type { InputStatistics, LayerStatistics } from './statistics.js'

/** y = (x - mean) W + shift, W = levels * scales. */
export interface QuantizedMatrix extends Levels8 {
  readonly name: MatrixName
  readonly inputs: number
  readonly outputs: number
  /** `[outputs]`; null where something else adds it. */
  readonly shift: Float32Array | null
}

/** Matrices over one input. */
export interface QuantizedGroup {
  /** `[inputs]`; null for zeros. */
  readonly mean: Float32Array | null
  readonly matrices: readonly QuantizedMatrix[]
}

export interface QuantizedLayer {
  /** Without queries in the last layer, where they are computed at the wanted positions only, in float32. */
  readonly qkv: QuantizedGroup
  readonly o: QuantizedGroup
  /** `[hidden]`: added to o_proj's output together with the residual stream; down_proj's likewise. */
  readonly oShift: Float32Array
  readonly gateUp: QuantizedGroup
  readonly down: QuantizedGroup
  readonly downShift: Float32Array
}

/** y for the mean: mean W + b `[outputs]`. */
export function shiftOf({ inputs, outputs, weights, bias }: FoldedMatrix, mean: Float64Array): Float64Array {
  const shift = bias.slice()
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < outputs; j++) shift[j]! += mean[i]! * weights[i * outputs + j]!
  }
  return shift
}

/**
 * Rounds matrices over one input.
 * @param shifts what each matrix adds, where it adds it itself
 */
function quantize(
  matrices: readonly (readonly [MatrixName, FoldedMatrix, Float64Array | null])[],
  statistics: InputStatistics
): QuantizedGroup {
  const factor = statistics.covariance && inputFactor(statistics.covariance)
  return {
    mean: statistics.centre && new Float32Array(statistics.centre),
    matrices: matrices.map(([name, { inputs, outputs, weights }, shift]) => ({
      name,
      inputs,
      outputs,
      shift: shift && new Float32Array(shift),
      ...(factor ? roundGptq(weights, outputs, factor) : roundNearest(weights, outputs))
    }))
  }
}

/** What the values add to attention's output: their shift, as every query head takes it over, `[heads * headDim]`. */
export function attendedShift(
  { heads, kvHeads, headDim }: FoldedBackbone['config'],
  valueShift: Float64Array
): Float64Array {
  const group = heads / kvHeads
  return Float64Array.from({ length: heads * headDim }, (_, i) => {
    const kvHead = Math.floor(Math.floor(i / headDim) / group)
    return valueShift[kvHead * headDim + (i % headDim)]!
  })
}

/**
 * Queries, keys and values. Values go without their shift: attention's weights sum to one, so it goes through unchanged
 * and is added behind o_proj (`valueShift` `[kvHeads * headDim]`).
 */
export async function quantizeInputs(
  folded: FoldedBackbone,
  layer: number,
  statistics: InputStatistics,
  names: readonly ('q_proj' | 'k_proj' | 'v_proj')[],
  arrange: (name: MatrixName, matrix: FoldedMatrix) => FoldedMatrix
): Promise<{ qkv: QuantizedGroup; valueShift: Float64Array }> {
  const matrices: [MatrixName, FoldedMatrix, Float64Array | null][] = []
  let valueShift: Float64Array = new Float64Array()
  for (const name of names) {
    const matrix = arrange(name, await folded.matrix(layer, name))
    const shift = shiftOf(matrix, statistics.mean)
    if (name === 'v_proj') valueShift = shift
    matrices.push([name, matrix, name === 'v_proj' ? null : shift])
  }
  return { qkv: quantize(matrices, statistics), valueShift }
}

/** All of a layer but the last. */
export async function quantizeLayer(
  folded: FoldedBackbone,
  layer: number,
  statistics: LayerStatistics,
  arrange: (name: MatrixName, matrix: FoldedMatrix) => FoldedMatrix
): Promise<QuantizedLayer> {
  const names = ['q_proj', 'k_proj', 'v_proj'] as const
  const { qkv, valueShift } = await quantizeInputs(folded, layer, statistics.qkv, names, arrange)
  const o = await folded.matrix(layer, 'o_proj')
  const oShift = new Float32Array(shiftOf(o, attendedShift(folded.config, valueShift)))
  const [gate, up] = [await folded.matrix(layer, 'gate_proj'), await folded.matrix(layer, 'up_proj')]
  const down = await folded.matrix(layer, 'down_proj')
  const downShift = new Float32Array(shiftOf(down, statistics.down.mean))
  return {
    qkv,
    o: quantize([['o_proj', o, null]], statistics.o),
    oShift,
    gateUp: quantize(
      [
        ['gate_proj', gate, shiftOf(gate, statistics.gateUp.mean)],
        ['up_proj', up, shiftOf(up, statistics.gateUp.mean)]
      ],
      statistics.gateUp
    ),
    down: quantize([['down_proj', down, null]], statistics.down),
    downShift
  }
}
