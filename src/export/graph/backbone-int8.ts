/**
 * backbone.onnx in 8-bit integers: a folded backbone (src/export/quantize/folded.ts) most of whose products are integer
 * ones. Inputs and output are those of form `cascade`, and `quantized`.
 *
 * Between two attentions everything is token-wise, so it runs in one go, in parts that fit a CPU's cache:
 *
 *     attention ── o ── + ── norm ── gate, up ── silu, * ── down ── + ── norm ── q, k, v ── attention
 *
 * Tokens whose activations are massive stand at the end, from `quantized` (int64 scalar) on; they run by themselves, in
 * more digits. What follows the last attention exists at the wanted positions only, in float32.
 */
import { DataType } from '../onnx/model.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import type { FoldedBackbone, FoldedMatrix, MatrixName } from '../quantize/folded.js'
import { quantizeLayer } from '../quantize/quantize-layer.js'
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
import { int8Linears } from './int8-linear.js'
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
  const context = foldedContext(graph, config, core)
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
        const bias = products[part].down.bias
        const { normed, residual: sum } = unitSkipNorm(
          context,
          within,
          `${path}/input_norm`,
          after.residual,
          after.delta,
          bias
        )
        return [sum, ...attentionInputs(context, within, path, next.qkv[part], normed, at!)]
      }
    ))
    layer = next
  }

  const all = exact ? join(graph, '/residual', residual.rounded!, residual.exact!) : residual.rounded!
  const wide = await wideLayer(sink, folded, last, arrange)
  const before = graph.node('/wanted/residual', 'Gather', [all, wanted])
  const path = `/layers.${last}/wanted`
  const normed = unitNorm(context, graph, `${path}/input_norm`, before)
  const [projected] = wide.q(graph, `${path}/q`, normed)
  const q = core.rotate(graph, `${path}/rotary`, projected!, core.wantedPositions, config.heads)
  const [k, v] = attention
  const attended = core.attend(`/layers.${last}/attn`, q, k!, v!, 'wanted')
  const after = afterAttention(context, graph, path, wide.layer, attended, before)
  const { normed: states } = unitSkipNorm(context, graph, '/norm', after.residual, after.delta, wide.layer.down.bias)
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
}

type Arrange = (name: MatrixName, matrix: FoldedMatrix) => FoldedMatrix

/**
 * A layer's products. Queries, gate_proj and up_proj are integer ones: most of the work, over inputs that the norms before
 * them bound. The others are in float32: through keys, values and o_proj the wanted positions read every other token, and
 * what goes into down_proj fits no grid of 8 bits well. In the last layer there are keys and values only: queries, and
 * all that follows, exist at the wanted positions.
 */
async function nextLayer(
  sink: WeightSink,
  folded: FoldedBackbone,
  layer: number,
  calibrate: () => Promise<LayerStatistics>,
  arrange: Arrange
): Promise<Layer> {
  const path = `layers.${layer}`
  const float = (name: MatrixName): Promise<Linears> => biasedLinear(sink, folded, layer, name, arrange)
  const [keys, values] = [await float('k_proj'), await float('v_proj')]
  if (layer === folded.config.layers - 1) {
    const both = beside(keys, values)
    return { qkv: { rounded: both, exact: both }, rest: null }
  }
  const quantized = await quantizeLayer(folded, layer, await calibrate(), arrange)
  const q = await int8Linears(sink, `${path}.q`, quantized.q)
  const gateUp = await int8Linears(sink, `${path}.gate_up`, quantized.gateUp)
  const o = await residualLinear(sink, folded, layer, 'o_proj', arrange)
  const down = await residualLinear(sink, folded, layer, 'down_proj', arrange)
  const part = (which: Part): FoldedLayer => ({ qkv: beside(q[which], keys, values), o, gateUp: gateUp[which], down })
  const parts: LayerParts = { rounded: part('rounded'), exact: part('exact') }
  return { qkv: { rounded: parts.rounded.qkv, exact: parts.exact.qkv }, rest: parts }
}

/** Linear layers over one input, their outputs in this order. */
const beside =
  (...layers: readonly Linears[]): Linears =>
  (within, at, x) =>
    layers.flatMap((layer) => layer(within, at, x))

/** Stores a matrix of a layer in float32, and says how to apply it: x W. */
async function floatLinear(sink: WeightSink, path: string, name: MatrixName, matrix: FoldedMatrix): Promise<Linears> {
  const weights = await storeMatrix(sink, `${path}.${name}.weight`, matrix)
  sink.onProgress(matrix.weights.length)
  return (within, at, x) => [within.node(`${at}/${name}`, 'MatMul', [x, weights])]
}

/** The same with its bias: x W + b. */
async function biasedLinear(
  sink: WeightSink,
  folded: FoldedBackbone,
  layer: number,
  name: MatrixName,
  arrange: Arrange
): Promise<Linears> {
  const path = `layers.${layer}`
  const matrix = arrange(name, await folded.matrix(layer, name))
  const product = await floatLinear(sink, path, name, matrix)
  // Most models have none, and adding zeros would cost a pass over the outputs.
  if (matrix.bias.every((value) => value === 0)) return product
  const bias = biasOf(sink, path, name, matrix)
  return (within, at, x) => [within.node(`${at}/${name}/biased`, 'Add', [product(within, at, x)[0]!, bias])]
}

/** One whose bias is added together with the residual stream. */
async function residualLinear(
  sink: WeightSink,
  folded: FoldedBackbone,
  layer: number,
  name: 'o_proj' | 'down_proj',
  arrange: Arrange
): Promise<ResidualLinear> {
  const path = `layers.${layer}`
  const matrix = arrange(name, await folded.matrix(layer, name))
  return { product: await floatLinear(sink, path, name, matrix), bias: biasOf(sink, path, name, matrix) }
}

function biasOf({ graph }: WeightSink, path: string, name: MatrixName, { bias, outputs }: FoldedMatrix): string {
  return graph.tensor(`${path}.${name}.bias`, DataType.FLOAT, [outputs], new Float32Array(bias))
}

/** The last layer's products at the wanted positions, in float32. */
async function wideLayer(
  sink: WeightSink,
  folded: FoldedBackbone,
  layer: number,
  arrange: Arrange
): Promise<{ q: Linears; layer: Omit<FoldedLayer, 'qkv'> }> {
  const biased = (name: MatrixName): Promise<Linears> => biasedLinear(sink, folded, layer, name, arrange)
  return {
    q: await biased('q_proj'),
    layer: {
      o: await residualLinear(sink, folded, layer, 'o_proj', arrange),
      gateUp: beside(await biased('gate_proj'), await biased('up_proj')),
      down: await residualLinear(sink, folded, layer, 'down_proj', arrange)
    }
  }
}
