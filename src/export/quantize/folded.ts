/**
 * A checkpoint's backbone in a rotated basis, computing the same: what is quantized. Gains of the norms are multiplied
 * into the weights behind them, and the residual stream is rotated.
 */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { readFinite, tensorSource, type WeightSource } from '../../checkpoint/weights.js'
import { Rotation } from './rotation.js'

/** y = x W + b. */
export interface FoldedMatrix {
  readonly inputs: number
  readonly outputs: number
  /** W `[inputs, outputs]`, the other way round than the checkpoint's. */
  readonly weights: Float64Array
  /** b `[outputs]`, zeros where the checkpoint has none. */
  readonly bias: Float64Array
}

export const MATRICES = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const
export type MatrixName = (typeof MATRICES)[number]

export class FoldedBackbone {
  readonly config: ModelConfig
  readonly #reader: SafetensorsReader
  readonly #rotation: Rotation

  constructor(reader: SafetensorsReader, config: ModelConfig) {
    this.#reader = reader
    this.config = config
    this.#rotation = new Rotation(config.hiddenSize)
  }

  /** `[vocabulary, hidden]`, rotated. */
  embedding(): WeightSource {
    const table = tensorSource(this.#reader, 'model.embed_tokens.weight')
    return {
      ...table,
      read: async (first, count) => {
        const rows = new Float64Array(await table.read(first, count))
        this.#rotation.rotateRows(rows)
        return new Float32Array(rows)
      }
    }
  }

  /** Final states from the normalized rotated ones: back to the checkpoint's basis, times the final norm's gains. */
  async final(): Promise<FoldedMatrix> {
    const size = this.config.hiddenSize
    const weights = transposed(this.#rotation.matrix(), size)
    const gains = await readFinite(this.#reader, 'model.norm.weight')
    for (let i = 0; i < weights.length; i++) weights[i]! *= gains[i % size]!
    return { inputs: size, outputs: size, weights, bias: new Float64Array(size) }
  }

  /** One matrix of a layer. */
  async matrix(layer: number, name: MatrixName): Promise<FoldedMatrix> {
    const { hiddenSize, attentionBias, mlpBias } = this.config
    const inAttention = name === 'q_proj' || name === 'k_proj' || name === 'v_proj' || name === 'o_proj'
    const path = `model.layers.${layer}`
    const tensor = (part: string) =>
      readFinite(this.#reader, `${path}.${inAttention ? 'self_attn' : 'mlp'}.${name}.${part}`)
    const rows = new Float64Array(await tensor('weight')) // [outputs, inputs]
    const bias = (inAttention ? attentionBias : mlpBias) ? new Float64Array(await tensor('bias')) : null
    const intoStream = name === 'o_proj' || name === 'down_proj'
    if (!intoStream) {
      const norm = inAttention ? 'input_layernorm' : 'post_attention_layernorm'
      const gains = await readFinite(this.#reader, `${path}.${norm}.weight`)
      for (let i = 0; i < rows.length; i++) rows[i]! *= gains[i % hiddenSize]!
      this.#rotation.rotateRows(rows)
    }
    const outputs = this.#outputsOf(name)
    const inputs = rows.length / outputs
    const weights = transposed(rows, inputs)
    const shift = bias ?? new Float64Array(outputs)
    if (intoStream) {
      for (const values of [weights, shift]) this.#rotation.rotateRows(values)
    }
    return { inputs, outputs, weights, bias: shift }
  }

  #outputsOf(name: MatrixName): number {
    const { hiddenSize, heads, kvHeads, headDim, intermediateSize } = this.config
    if (name === 'q_proj') return heads * headDim
    if (name === 'k_proj' || name === 'v_proj') return kvHeads * headDim
    return name === 'gate_proj' || name === 'up_proj' ? intermediateSize : hiddenSize
  }
}

/** `[rows, columns]` -> `[columns, rows]` */
export function transposed(matrix: Float64Array, columns: number): Float64Array {
  const rows = matrix.length / columns
  const result = new Float64Array(matrix.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = matrix[row * columns + column]!
  }
  return result
}
