/**
 * Attention of form `rows`, for CUDA: rows are gathered from the packed tokens, one GroupQueryAttention runs over them
 * all, and each packed token's output is taken back. Linear layers are shared between rows that begin alike, attention
 * is not: the price of a kernel that a GPU runs fast.
 */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { WeightSource } from '../../checkpoint/weights.js'
import { DataType } from '../onnx/model.js'
import { type IndexMap, mapColumns, mapRows, stackRows } from '../weights/arrange.js'
import { asColumn, type Attention, type AttentionContext, attentionPath, attentionTensor } from './attention.js'
import { linear } from './linear.js'
import { rotaryCaches } from './rotary.js'

/** GroupQueryAttention rotates heads whose width is a multiple of this only; narrower ones are padded with zeros. */
const HEAD_STEP = 16

const paddedHeadDim = (headDim: number): number => Math.ceil(headDim / HEAD_STEP) * HEAD_STEP

/**
 * Rows of a query or key projection `[heads * headDim, hidden]`, each head padded to the width the kernel wants. The
 * kernel rotates dimension i with i + width / 2, so each half of a head is padded by itself:
 *
 *     [first half | second half]  ->  [first half, zeros | second half, zeros]
 */
function padHalves(headDim: number): IndexMap {
  const width = paddedHeadDim(headDim)
  const half = headDim / 2
  return (index) => {
    const head = Math.floor(index / width)
    const within = index % width
    const offset = within % (width / 2)
    return offset < half ? head * headDim + (within < width / 2 ? 0 : half) + offset : -1
  }
}

/** Values are not rotated: their heads are padded at the end. */
function padEnd(headDim: number): IndexMap {
  const width = paddedHeadDim(headDim)
  return (index) => (index % width < headDim ? Math.floor(index / width) * headDim + (index % width) : -1)
}

/** Query, key and value projections below one another: `[(heads + 2 kvHeads) * paddedHeadDim, columns]`. */
function packedProjection(
  { heads, kvHeads, headDim }: ModelConfig,
  part: (projection: 'q_proj' | 'k_proj' | 'v_proj') => WeightSource
): WeightSource {
  const width = paddedHeadDim(headDim)
  if (width === headDim) return stackRows([part('q_proj'), part('k_proj'), part('v_proj')])
  return stackRows([
    mapRows(part('q_proj'), heads * width, padHalves(headDim)),
    mapRows(part('k_proj'), kvHeads * width, padHalves(headDim)),
    mapRows(part('v_proj'), kvHeads * width, padEnd(headDim))
  ])
}

/**
 *     x ── qkv_proj ── Gather rows ── GroupQueryAttention ── Reshape ── Gather slots
 *          [T, qkv]     [B, L, qkv]    [B, L, heads * width]  [B * L, .]   [T, .]
 *
 * Inputs: `rows` int32 `[B, L]`, packed token at each row's position (past its end any valid index), `row_lengths`
 * int32 `[B]`, `slots` int32 `[T]`, flat row position at which each packed token's output is taken back.
 */
export function attentionOverRows(context: AttentionContext): Attention {
  const { sink, config, precision, maxTokens, wanted } = context
  const { graph } = sink
  const width = paddedHeadDim(config.headDim)
  const rows = graph.input('rows', DataType.INT32, ['B', 'L'])
  const rowLengths = graph.input('row_lengths', DataType.INT32, ['B'])
  const slots = graph.input('slots', DataType.INT32, ['T'])

  const one = graph.tensor('/constants/int32/1', DataType.INT32, [], Int32Array.of(1))
  const shape = graph.node('/rows/shape', 'Shape', [rows])
  const length = graph.node('/rows/length', 'Gather', [shape, graph.int(1)])
  const lastPositions = graph.node('/rows/last', 'Sub', [rowLengths, one])
  const rowLength = graph.node('/rows/length32', 'Cast', [length], { attributes: { to: { int: DataType.INT32 } } })
  const wantedSlots = graph.node('/wanted/slots', 'Gather', [slots, wanted])
  const { cos, sin } = rotaryCaches(graph, config, maxTokens, width / 2, sink.computeType)

  return {
    // A GPU has no cache to fit into, and a kernel of its own for every part.
    chunks: null,

    async attend(layer, x) {
      const path = attentionPath(layer)
      const tensor = (name: string) => attentionTensor(context, layer, name)
      const qkv = await linear(
        sink,
        `${path}/qkv_proj`,
        precision,
        x,
        packedProjection(config, (part) => tensor(`${part}.weight`)),
        config.attentionBias ? packedProjection(config, (part) => asColumn(tensor(`${part}.bias`))) : undefined
      )
      const inRows = graph.node(`${path}/rows`, 'Gather', [qkv, rows])
      const inputs = [inRows, '', '', '', '', lastPositions, rowLength, cos, sin]
      const [attended] = graph.nodes(path, 'GroupQueryAttention', inputs, {
        domain: 'com.microsoft',
        attributes: {
          num_heads: { int: config.heads },
          kv_num_heads: { int: config.kvHeads },
          do_rotary: { int: 1 },
          // Stated, because the kernel's own default would count the padding.
          scale: { float: 1 / Math.sqrt(config.headDim) }
        },
        // The CUDA kernel wants its keys and values taken, though nobody reads them.
        outputs: [0, 1, 2]
      })
      const flat = graph.node(`${path}/flat`, 'Reshape', [attended!, graph.ints(-1, config.heads * width)])
      return graph.node(`${path}/packed`, 'Gather', [flat, layer === config.layers - 1 ? wantedSlots : slots])
    },

    output(layer) {
      const weights = attentionTensor(context, layer, 'o_proj.weight')
      return {
        weights: width === config.headDim ? weights : mapColumns(weights, config.heads * width, padEnd(config.headDim)),
        bias: config.attentionBias ? attentionTensor(context, layer, 'o_proj.bias') : undefined
      }
    }
  }
}
