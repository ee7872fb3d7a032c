/** Order of the query heads that cascade attention reads. */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { FoldedMatrix, MatrixName } from '../quantize/folded.js'
import type { IndexMap } from '../weights/arrange.js'

/**
 * The kernels batch over key and value heads, `[kvHeads, queries, headDim]`, and read them in place from
 * `[queries, kvHeads, headDim]`. So the query heads that share one key head must lie in the rows of the product, outside
 * the key heads: row `(g * kvHeads + h) * headDim + d` is that of head `h * group + g`.
 */
export function queryHeads({ heads, kvHeads, headDim }: Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim'>): IndexMap {
  const group = heads / kvHeads
  return (index) => {
    const head = Math.floor(index / headDim)
    const h = head % kvHeads
    const g = Math.floor(head / kvHeads)
    return (h * group + g) * headDim + (index % headDim)
  }
}

/** Re-orders the outputs of q_proj; leaves other matrices as they are. */
export function arrangeQueries(config: ModelConfig): (name: MatrixName, matrix: FoldedMatrix) => FoldedMatrix {
  const from = queryHeads(config)
  return (name, matrix) => {
    if (name !== 'q_proj') return matrix
    const { inputs, outputs } = matrix
    const weights = new Float64Array(matrix.weights.length)
    for (let output = 0; output < outputs; output++) {
      const source = from(output)
      for (let i = 0; i < inputs; i++) weights[i * outputs + output] = matrix.weights[i * outputs + source]!
    }
    return { inputs, outputs, weights, bias: matrix.bias.map((_, output) => matrix.bias[from(output)]!) }
  }
}
