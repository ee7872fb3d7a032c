/**
 * backbone.onnx in 8-bit integers: a folded backbone (src/export/quantize/folded.ts) whose products are integer ones.
 * Inputs and output are those of form `cascade`, and `quantized`.
 *
 * Between two attentions everything is token-wise, so it runs in one go, in parts that fit a CPU's cache:
 *
 *     attention ── o ── + ── norm ── gate, up ── silu, * ── Hadamard ── down ── + ── norm ── q, k, v ── attention
 *
 * Tokens whose activations are massive stand at the end, from `quantized` (int64 scalar) on; they run by themselves, in
 * more digits. What follows the last attention exists at the wanted positions only, in float32.
 */
import { DataType } from '../onnx/model.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import type { FoldedBackbone, FoldedMatrix, MatrixName } from '../quantize/folded.js'
import {
  attendedShift,
  type QuantizedGroup,
  quantizeInputs,
  quantizeLayer,
  shiftOf
} from '../quantize/quantize-layer.js'
import type { LayerStatistics } from '../quantize/statistics.js'
import { storeHalf, type WeightSink } from '../weights/store.js'
import { cascade } from './attention-cascade.js'
import { storeMatrix } from './calibration-layer.js'
import { inChunks, type TokenRows } from './chunks.js'
import { decodeMatrix } from './decode.js'
import {
  afterAttention,
  attentionInputs,
  foldedContext,
  type FoldedLayer,
  type Linears,
  type ResidualLinear,
  unitNorm,
  unitSkipNorm
} from './folded-layer.js'
import { type Int8Linears, int8Linears } from './int8-linear.js'
import { arrangeQueries } from './query-heads.js'

/** The two kinds of tokens. */
type Part = 'rounded' | 'exact'

/** A value for each kind of token; null where a bundle has no exact tokens. */
type Parts = Readonly<Record<Part, string | null>>

/** A layer's products for both kinds of tokens. */
type LayerParts = Readonly<Record<Part, FoldedLayer>>

export interface Int8Options {
  readonly folded: FoldedBackbone
  /** Longest row that the rotary tables cover. */
  readonly maxTokens: number
  /** Whether some tokens are kept apart. */
  readonly exact: boolean
  /** Statistics of layer after layer. */
  readonly calibrate: () => Promise<LayerStatistics>
}

export async function buildInt8Backbone(sink: WeightSink, options: Int8Options): Promise<void> {
  const { folded, maxTokens, exact, calibrate } = options
  const { config } = folded
  const { graph } = sink
  sink.lossless = false
  const size = config.hiddenSize
  const tokens = graph.input('token_ids', DataType.INT32, ['T'])
  const wanted = graph.input('wanted', DataType.INT32, ['P'])
  const core = cascade(graph, config, maxTokens, wanted)
  const context = foldedContext(graph, config, core, folded.downBlock)
  const split = splitter(graph, exact)
  const positions = split('/positions', core.positions)
  const slots = split('/slots', core.slots)
  const last = config.layers - 1
  const widths = (layer: number): number[] => {
    const kv = config.kvHeads * config.headDim
    return [size, ...(layer === last ? [] : [config.heads * config.headDim]), kv, kv]
  }
  const arrange = arrangeQueries(config)

  /** Token-wise layers over both kinds of tokens: the residual stream of each, and what attention of `layer` reads. */
  const tokenWise = (
    layer: number,
    inputs: readonly { readonly parts: Parts; readonly width: number | null }[],
    compute: (graph: GraphBuilder, path: string, part: Part, inputs: readonly string[]) => string[]
  ): { residual: Parts; attention: string[] } => {
    const path = `/layers.${layer}`
    const rows: TokenRows[] = inputs.map(({ parts, width }) => ({ value: parts.rounded!, width }))
    const rounded = inChunks(
      graph,
      `${path}/rounded`,
      core.chunks,
      rows,
      widths(layer),
      DataType.FLOAT,
      (body, values) => compute(body, `${path}/rounded`, 'rounded', values)
    )
    if (!exact) return { residual: { rounded: rounded[0]!, exact: null }, attention: rounded.slice(1) }
    const kept = compute(
      graph,
      `${path}/exact`,
      'exact',
      inputs.map(({ parts }) => parts.exact!)
    )
    const joined = rounded.map((value, i) => (i === 0 ? '' : join(graph, `${path}/joined/${i}`, value, kept[i]!)))
    return { residual: { rounded: rounded[0]!, exact: kept[0]! }, attention: joined.slice(1) }
  }

  // Rotated rows fit no old grid; 8 bits here would cost more than in all the products.
  const table = await storeHalf(sink, 'embed_tokens.weight', folded.embedding())
  let layer: Layer = await nextLayer(sink, folded, 0, calibrate, arrange)
  let { residual, attention } = tokenWise(
    0,
    [
      { parts: split('/token_ids', tokens), width: null },
      { parts: positions, width: 1 }
    ],
    (within, path, part, [ids, at]) => {
      const half = decodeMatrix(within, `${path}/embed_tokens`, table, ids)
      const embedded = within.node(`${path}/embedded`, 'Cast', [half], { attributes: { to: { int: DataType.FLOAT } } })
      const normed = unitNorm(context, within, `${path}/input_norm`, embedded)
      return [embedded, ...attentionInputs(context, within, path, layer.qkv[part], normed, at!)]
    }
  )
  for (let number = 0; number < last; number++) {
    const [q, k, v] = attention
    const attended = core.attend(`/layers.${number}/attn`, q!, k!, v!, 'all')
    const products: LayerParts = layer.rest!
    const next: Layer = await nextLayer(sink, folded, number + 1, calibrate, arrange)
    ;({ residual, attention } = tokenWise(
      number + 1,
      [
        { parts: slots, width: null },
        { parts: residual, width: size },
        { parts: positions, width: 1 }
      ],
      (within, path, part, [places, before, at]) => {
        const own = within.node(`${path}/attended`, 'Gather', [attended, places!])
        const after = afterAttention(context, within, path, products[part], own, before!)
        const shift = products[part].down.shift
        const { normed, residual: sum } = unitSkipNorm(
          context,
          within,
          `${path}/input_norm`,
          after.residual,
          after.delta,
          shift
        )
        return [sum, ...attentionInputs(context, within, path, next.qkv[part], normed, at!)]
      }
    ))
    layer = next
  }

  const all = exact ? join(graph, '/residual', residual.rounded!, residual.exact!) : residual.rounded!
  const wide = await wideLayer(sink, folded, last, layer.valueShift!, arrange)
  const before = graph.node('/wanted/residual', 'Gather', [all, wanted])
  const path = `/layers.${last}/wanted`
  const normed = unitNorm(context, graph, `${path}/input_norm`, before)
  const [projected] = wide.q(graph, `${path}/q`, normed)
  const q = core.rotate(graph, `${path}/rotary`, projected!, core.wantedPositions, config.heads)
  const [k, v] = attention
  const attended = core.attend(`/layers.${last}/attn`, q, k!, v!, 'wanted')
  const after = afterAttention(context, graph, path, wide.layer, attended, before)
  const { normed: states } = unitSkipNorm(context, graph, '/norm', after.residual, after.delta, wide.layer.down.shift)
  const final = await storeMatrix(sink, 'norm.weight', await folded.final())
  graph.output('states', graph.node('/states', 'MatMul', [states, final]), DataType.FLOAT, ['P', size])
}

const join = (graph: GraphBuilder, path: string, first: string, second: string): string =>
  graph.node(path, 'Concat', [first, second], { attributes: { axis: { int: 0 } } })

/** Cuts a value with a row for each token into those of the two kinds. */
function splitter(graph: GraphBuilder, exact: boolean): (path: string, value: string) => Parts {
  if (!exact) return (_, value) => ({ rounded: value, exact: null })
  const quantized = graph.node('/quantized', 'Unsqueeze', [graph.input('quantized', DataType.INT64, []), graph.ints(0)])
  const end = graph.ints(Number.MAX_SAFE_INTEGER)
  return (path, value) => ({
    rounded: graph.node(`${path}/rounded`, 'Slice', [value, graph.ints(0), quantized, graph.ints(0)]),
    exact: graph.node(`${path}/exact`, 'Slice', [value, quantized, end, graph.ints(0)])
  })
}

interface Layer {
  readonly qkv: Readonly<Record<Part, Linears>>
  /** Products after attention; null in the last layer. */
  readonly rest: LayerParts | null
  /** Of the last layer: what its values lack. */
  readonly valueShift: Float64Array | null
}

type Arrange = (name: MatrixName, matrix: FoldedMatrix) => FoldedMatrix

async function nextLayer(
  sink: WeightSink,
  folded: FoldedBackbone,
  layer: number,
  calibrate: () => Promise<LayerStatistics>,
  arrange: Arrange
): Promise<Layer> {
  const statistics = await calibrate()
  const store = (name: string, group: QuantizedGroup): Promise<Int8Linears> =>
    int8Linears(sink, `layers.${layer}.${name}`, group)
  if (layer === folded.config.layers - 1) {
    const names = ['k_proj', 'v_proj'] as const
    const { qkv, valueShift } = await quantizeInputs(folded, layer, statistics.qkv, names, arrange)
    return { qkv: await store('kv', qkv), rest: null, valueShift }
  }
  const quantized = await quantizeLayer(folded, layer, statistics, arrange)
  const shift = (name: string, values: Float32Array): string =>
    sink.graph.tensor(`layers.${layer}.${name}.shift`, DataType.FLOAT, [values.length], values)
  const [o, gateUp, down] = [
    await store('o', quantized.o),
    await store('gate_up', quantized.gateUp),
    await store('down', quantized.down)
  ]
  const shifts = [shift('o', quantized.oShift), shift('down', quantized.downShift)] as const
  const qkv = await store('qkv', quantized.qkv)
  const part = (which: Part): FoldedLayer => ({
    qkv: qkv[which],
    o: { product: o[which], shift: shifts[0] },
    gateUp: gateUp[which],
    down: { product: down[which], shift: shifts[1] }
  })
  return { qkv, rest: { rounded: part('rounded'), exact: part('exact') }, valueShift: null }
}

/** The last layer's products at the wanted positions, in float32. */
async function wideLayer(
  sink: WeightSink,
  folded: FoldedBackbone,
  layer: number,
  valueShift: Float64Array,
  arrange: Arrange
): Promise<{ q: Linears; layer: Omit<FoldedLayer, 'qkv'> }> {
  const { graph } = sink
  const path = `layers.${layer}`
  const load = async (name: MatrixName) => arrange(name, await folded.matrix(layer, name))
  const vector = (name: string, values: Float64Array): string =>
    graph.tensor(name, DataType.FLOAT, [values.length], new Float32Array(values))
  const product = async (name: MatrixName, matrix: FoldedMatrix): Promise<Linears> => {
    const weights = await storeMatrix(sink, `${path}.${name}.weight`, matrix)
    sink.onProgress(matrix.weights.length)
    return (within, at, x) => [within.node(`${at}/${name}`, 'MatMul', [x, weights])]
  }
  const biased = async (name: MatrixName): Promise<Linears> => {
    const matrix = await load(name)
    const [multiply, bias] = [await product(name, matrix), vector(`${path}.${name}.bias`, matrix.bias)]
    return (within, at, x) => [within.node(`${at}/${name}`, 'Add', [multiply(within, at, x)[0]!, bias])]
  }
  const residual = async (name: MatrixName, mean: Float64Array): Promise<ResidualLinear> => {
    const matrix = await load(name)
    return {
      product: await product(name, matrix),
      shift: vector(`${path}.${name}.shift`, shiftOf(matrix, mean))
    }
  }
  const [q, gate, up] = [await biased('q_proj'), await biased('gate_proj'), await biased('up_proj')]
  const { intermediateSize } = folded.config
  return {
    q,
    layer: {
      o: await residual('o_proj', attendedShift(folded.config, valueShift)),
      gateUp: (within, at, x) => [...gate(within, at, x), ...up(within, at, x)],
      down: await residual('down_proj', new Float64Array(intermediateSize))
    }
  }
}
