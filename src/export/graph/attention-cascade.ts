/**
 * Attention of form `cascade`, for the CPU: every distinct token is attended from once, whichever rows it belongs to.
 *
 * A row's positions are cut into blocks of `CASCADE_BLOCK`, counted from its start. A block's queries see the row up to
 * the block's end, causal within the block. Blocks that lie in a prefix which an earlier row computes are left out, so
 * responses to one prompt attend to its keys and values without repeating its queries. Blocks are counted from the row's
 * start, not from where it parts from others: a token always stands at the same place of the same product, and its
 * numbers are the same, bit for bit, shared or not.
 *
 * Memory is that of one block's scores, heads * CASCADE_BLOCK * length, whatever the batch.
 */
import { CASCADE_BLOCK } from '../../engine/pack.js'
import type { ModelConfig } from '../../checkpoint/config.js'
import type { WeightSource } from '../../checkpoint/weights.js'
import { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType, type GraphMessage } from '../onnx/model.js'
import { mapRows } from '../weights/arrange.js'
import { asColumn, type Attention, type AttentionContext, attentionPath, attentionTensor } from './attention.js'
import { linear } from './linear.js'
import { queryHeads } from './query-heads.js'
import { rotaryCaches } from './rotary.js'

const contrib = (attributes: Record<string, { int: number } | { float: number }>) =>
  ({ domain: 'com.microsoft', attributes }) as const

/** The parts of the graph that cascade attention is made of, whatever computes the projections. */
export interface Cascade {
  /** int64 `[T, 1]`, `[P, 1]`: positions of the packed tokens, and of those wanted. */
  readonly positions: string
  readonly wantedPositions: string
  /** int32 `[T]`: place of each packed token in what `attend` returns. */
  readonly slots: string
  /** int64 scalar: equal parts in which token-wise layers run. */
  readonly chunks: string
  /** Rotary embedding of queries or keys `[T, heads * headDim]` at `positions` `[T, 1]`, in the graph or a body in it. */
  rotate(graph: GraphBuilder, path: string, x: string, positions: string, heads: number): string
  /**
   * Attends from q `[T, heads * headDim]`, its heads in the order of `queryHeads`, to k and v `[T, kvHeads * headDim]`:
   * `[blocks * CASCADE_BLOCK, heads * headDim]`, heads in the checkpoint's order. With `wanted`, where q is that of
   * the wanted tokens alone, `[P, heads * headDim]`.
   */
  attend(path: string, q: string, k: string, v: string, which: 'all' | 'wanted'): string
}

/**
 * Inputs: `positions` int64 `[T]` of the packed tokens in their rows; `rows` int32 `[B, L]`, packed token at each
 * row's position (past its end any valid index), L a multiple of CASCADE_BLOCK; `blocks` int64 `[N, 2]`, row and end
 * of each block; `slots` int32 `[T]`, place `block * CASCADE_BLOCK + offset` of each packed token; `wanted_rows` int64
 * `[P, 2]`, a row of each wanted token and its position there plus one; `chunks` int64 scalar that divides T.
 */
export function cascade(graph: GraphBuilder, config: ModelConfig, maxTokens: number, wanted: string): Cascade {
  const { heads, kvHeads, headDim } = config
  const positions = graph.input('positions', DataType.INT64, ['T'])
  const rows = graph.input('rows', DataType.INT32, ['B', 'L'])
  const blocks = graph.input('blocks', DataType.INT64, ['N', 2])
  const slots = graph.input('slots', DataType.INT32, ['T'])
  const wantedRows = graph.input('wanted_rows', DataType.INT64, ['P', 2])
  const chunks = graph.input('chunks', DataType.INT64, [])

  // The rotation works on [batch, sequence, width]; with one token a sequence no length bounds the batch.
  const column = graph.node('/positions', 'Unsqueeze', [positions, graph.ints(1)])
  const { cos, sin } = rotaryCaches(graph, config, maxTokens, headDim / 2, DataType.FLOAT)
  const count = (path: string, list: string): string => {
    const shape = graph.node(path, 'Shape', [list])
    return graph.node(path, 'Gather', [shape, graph.int(0)])
  }
  const blockCount = count('/blocks/count', blocks)
  const wantedCount = count('/wanted/count', wantedRows)
  const mask = causalMask(graph)

  return {
    positions: column,
    wantedPositions: graph.node('/positions/wanted', 'Gather', [column, wanted]),
    slots,
    chunks,

    rotate(within, path, x, at, count) {
      const rotated = within.node(
        path,
        'RotaryEmbedding',
        [within.node(path, 'Unsqueeze', [x, within.ints(1)]), at, cos, sin],
        contrib({ num_heads: { int: count } })
      )
      return within.node(path, 'Squeeze', [rotated, within.ints(1)])
    },

    attend(path, q, k, v, which) {
      const last = which === 'wanted'
      const headsOf = (value: string, name: string): string =>
        graph.node(`${path}/${name}/heads`, 'Reshape', [value, graph.ints(-1, kvHeads, headDim)])
      const body = blockBody(
        graph,
        {
          path,
          q,
          k: headsOf(k, 'k_proj'),
          v: headsOf(v, 'v_proj'),
          rows,
          group: heads / kvHeads,
          kvHeads,
          headDim
        },
        last ? wantedRows : blocks,
        mask,
        last
      )
      const outputs = graph.node(path, 'Loop', [last ? wantedCount : blockCount, graph.bool(true)], {
        attributes: { body: { graph: body } }
      })
      return graph.node(`${path}/flat`, 'Reshape', [outputs, graph.ints(-1, heads * headDim)])
    }
  }
}

/** See `cascade` for the inputs. */
export function cascadeAttention(context: AttentionContext): Attention {
  const { sink, config, precision, maxTokens, wanted } = context
  const { graph } = sink
  const { headDim } = config
  const core = cascade(graph, config, maxTokens, wanted)

  /** Projection of `x` `[T, hidden]`, rotated by `at` `[T, 1]` if that is given: `[T, rows of the weights]`. */
  const project = async (
    layer: number,
    name: 'q_proj' | 'k_proj' | 'v_proj',
    x: string,
    at: string | null,
    arrange: (source: WeightSource) => WeightSource
  ): Promise<string> => {
    const path = `${attentionPath(layer)}/${name}`
    const bias = config.attentionBias ? arrange(asColumn(attentionTensor(context, layer, `${name}.bias`))) : undefined
    const weights = arrange(attentionTensor(context, layer, `${name}.weight`))
    const projected = await linear(sink, path, precision, x, weights, bias)
    return at === null ? projected : core.rotate(graph, path, projected, at, weights.rows / headDim)
  }
  const asIs = (source: WeightSource): WeightSource => source
  const grouped = (source: WeightSource): WeightSource => mapRows(source, config.heads * headDim, queryHeads(config))

  return {
    chunks: core.chunks,

    async attend(layer, x) {
      const last = layer === config.layers - 1
      const queryInput = last ? graph.node('/wanted/attended', 'Gather', [x, wanted]) : x
      const q = await project(layer, 'q_proj', queryInput, last ? core.wantedPositions : core.positions, grouped)
      const k = await project(layer, 'k_proj', x, core.positions, asIs)
      const v = await project(layer, 'v_proj', x, null, asIs)
      const flat = core.attend(attentionPath(layer), q, k, v, last ? 'wanted' : 'all')
      return last ? flat : graph.node(`${attentionPath(layer)}/packed`, 'Gather', [flat, core.slots])
    },

    output: (layer) => ({
      weights: attentionTensor(context, layer, 'o_proj.weight'),
      bias: config.attentionBias ? attentionTensor(context, layer, 'o_proj.bias') : undefined
    })
  }
}

/** float32 `[CASCADE_BLOCK, 1, CASCADE_BLOCK]`: what a block's queries must not see of the block itself. */
function causalMask(graph: GraphBuilder): string {
  const mask = new Float32Array(CASCADE_BLOCK ** 2)
  for (let query = 0; query < CASCADE_BLOCK; query++) {
    mask.fill(-1e30, query * CASCADE_BLOCK + query + 1, (query + 1) * CASCADE_BLOCK)
  }
  return graph.tensor('/constants/causal', DataType.FLOAT, [CASCADE_BLOCK, 1, CASCADE_BLOCK], mask)
}

interface BlockValues {
  readonly path: string
  /** `[T, group * kvHeads * headDim]`, or `[P, ...]` where single queries are attended. */
  readonly q: string
  /** `[T, kvHeads, headDim]` */
  readonly k: string
  readonly v: string
  /** int32 `[B, L]` */
  readonly rows: string
  readonly group: number
  readonly kvHeads: number
  readonly headDim: number
}

/**
 * What one turn of the loop computes: `[Q, heads * headDim]` for turn i, whose row and end are `list[i]`. Q is
 * CASCADE_BLOCK, the last tokens before the end; or 1 (`single`), the i-th row of q, which sees all before the end.
 *
 *     q ── Gather ── [Q * group, kvHeads, headDim] ─┐
 *     k ── Gather ── [end, kvHeads, headDim] ─── FusedMatMul ── Add mask ── Softmax ── FusedMatMul ── Transpose
 *     v ── Gather ── [end, kvHeads, headDim] ───────────────────────────────────────────┘
 */
function blockBody(
  outer: GraphBuilder,
  values: BlockValues,
  list: string,
  mask: string,
  single: boolean
): GraphMessage {
  const { q, k, v, rows, group, kvHeads, headDim } = values
  const path = `${values.path}/block`
  const graph = new GraphBuilder(path, outer)
  const size = single ? 1 : CASCADE_BLOCK
  const heads = group * kvHeads
  const turn = graph.input(`${path}/turn`, DataType.INT64, [])
  const proceed = graph.input(`${path}/proceed`, DataType.BOOL, [])
  const [zero, one, two] = [graph.ints(0), graph.ints(1), graph.ints(2)]

  const block = graph.node(path, 'Gather', [list, turn])
  const end = graph.node(`${path}/end`, 'Slice', [block, one, two])
  const row = graph.node(`${path}/row`, 'Gather', [rows, graph.node(`${path}/number`, 'Gather', [block, graph.int(0)])])
  const keys = graph.node(`${path}/keys`, 'Slice', [row, zero, end])
  const queries = single
    ? graph.node(`${path}/queries`, 'Unsqueeze', [turn, zero])
    : graph.node(`${path}/queries`, 'Slice', [keys, graph.ints(-size), end])

  const query = graph.node(`${path}/q/heads`, 'Reshape', [
    graph.node(`${path}/q`, 'Gather', [q, queries]),
    graph.ints(size * group, kvHeads, headDim)
  ])
  const scores = graph.node(
    `${path}/scores`,
    'FusedMatMul',
    [query, graph.node(`${path}/k`, 'Gather', [k, keys])],
    contrib({
      transB: { int: 1 },
      transBatchA: { int: 1 },
      transBatchB: { int: 1 },
      alpha: { float: 1 / Math.sqrt(headDim) }
    })
  )
  let visible = graph.node(`${path}/scores/grouped`, 'Reshape', [scores, graph.ints(kvHeads, size, group, -1)])
  if (!single) {
    const before = graph.node(`${path}/before`, 'Sub', [end, graph.ints(size)])
    const pads = graph.node(`${path}/pads`, 'Concat', [zero, zero, before, zero, zero, zero], {
      attributes: { axis: { int: 0 } }
    })
    visible = graph.node(`${path}/scores`, 'Add', [visible, graph.node(`${path}/mask`, 'Pad', [mask, pads])])
  }
  const weights = graph.node(`${path}/weights`, 'Softmax', [visible], { attributes: { axis: { int: -1 } } })
  const attended = graph.node(
    `${path}/attended`,
    'FusedMatMul',
    [
      graph.node(`${path}/weights/rows`, 'Reshape', [weights, graph.ints(kvHeads, size * group, -1)]),
      graph.node(`${path}/v`, 'Gather', [v, keys])
    ],
    contrib({ transBatchB: { int: 1 } })
  )
  const split = graph.node(`${path}/attended/split`, 'Reshape', [attended, graph.ints(kvHeads, size, group, headDim)])
  const ordered = graph.node(`${path}/attended`, 'Transpose', [split], { attributes: { perm: { ints: [1, 0, 2, 3] } } })
  const output = graph.node(`${path}/attended/flat`, 'Reshape', [ordered, graph.ints(size, heads * headDim)])
  graph.output(`${path}/go_on`, proceed, DataType.BOOL, [])
  graph.output(`${path}/output`, output, DataType.FLOAT, [size, heads * headDim])
  return graph.body()
}
