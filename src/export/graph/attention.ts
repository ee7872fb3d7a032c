/** Subgraph: causal self-attention with grouped queries, over packed tokens. */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { tensorSource, type WeightSource } from '../../checkpoint/weights.js'
import { type IndexMap, mapColumns, mapRows, stackRows } from '../weights/arrange.js'
import type { WeightSink } from '../weights/store.js'
import { linear, type Precision } from './linear.js'

/** GroupQueryAttention rotates heads whose width is a multiple of this only; narrower ones are padded with zeros. */
const HEAD_STEP = 16

export const paddedHeadDim = (headDim: number): number => Math.ceil(headDim / HEAD_STEP) * HEAD_STEP

/** What every layer's attention shares. */
export interface AttentionInputs {
  /** int64 `[B, L]` packed token at each row's position; positions past the end of a row hold any valid index. */
  readonly rows: string
  /** int32 `[B]` tokens of each row, less one. */
  readonly lastPositions: string
  /** int32 scalar L. */
  readonly rowLength: string
  /** float32 `[max_tokens, paddedHeadDim / 2]`. */
  readonly cos: string
  readonly sin: string
}

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

/** A bias `[n]` as a matrix `[n, 1]`, so that the same padding serves it. */
function asColumn(source: WeightSource): WeightSource {
  return {
    rows: source.columns,
    columns: 1,
    read: async (first, count) => (await source.read(0, 1)).subarray(first, first + count)
  }
}

/**
 * float32 `[T, hidden]` -> `[W, hidden]`: attention output at the packed tokens whose flat row positions are `takeBack`
 * (int64 `[W]`, each below B * L).
 *
 *     x ── qkv_proj ── Gather rows ── GroupQueryAttention ── Reshape ── Gather takeBack ── o_proj
 *          [T, qkv]     [B, L, qkv]    [B, L, heads * width]  [B * L, .]   [W, .]
 */
export async function attention(
  sink: WeightSink,
  reader: SafetensorsReader,
  config: ModelConfig,
  layer: number,
  precision: Precision,
  x: string,
  inputs: AttentionInputs,
  takeBack: string
): Promise<string> {
  const { graph } = sink
  const path = `/layers.${layer}/attn`
  const width = paddedHeadDim(config.headDim)
  const tensor = (name: string) => tensorSource(reader, `model.layers.${layer}.self_attn.${name}`)
  const bias = config.attentionBias ? packedProjection(config, (p) => asColumn(tensor(`${p}.bias`))) : undefined
  const qkv = await linear(
    sink,
    `${path}/qkv_proj`,
    precision,
    x,
    packedProjection(config, (p) => tensor(`${p}.weight`)),
    bias
  )
  const inRows = graph.node(`${path}/rows`, 'Gather', [qkv, inputs.rows])
  const attended = graph.node(
    path,
    'GroupQueryAttention',
    [inRows, '', '', '', '', inputs.lastPositions, inputs.rowLength, inputs.cos, inputs.sin],
    {
      domain: 'com.microsoft',
      attributes: {
        num_heads: { int: config.heads },
        kv_num_heads: { int: config.kvHeads },
        do_rotary: { int: 1 },
        // Stated, because the kernel's own default would count the padding.
        scale: { float: 1 / Math.sqrt(config.headDim) }
      }
    }
  )
  const flat = graph.node(`${path}/flat`, 'Reshape', [attended, graph.ints(-1, config.heads * width)])
  const packed = graph.node(`${path}/packed`, 'Gather', [flat, takeBack])
  const output =
    width === config.headDim
      ? tensor('o_proj.weight')
      : mapColumns(tensor('o_proj.weight'), config.heads * width, padEnd(config.headDim))
  const outputBias = config.attentionBias ? tensor('o_proj.bias') : undefined
  return linear(sink, `${path}/o_proj`, precision, packed, output, outputBias)
}
