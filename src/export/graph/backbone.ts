/**
 * backbone.onnx: packed token ids and the positions wanted -> hidden states there, after the final norm.
 *
 * Linear layers run over the packed tokens `[T]`, without padding and each distinct token once; only attention sees
 * rows `[B, L]`. Rows that begin with the same tokens may share them in the packing. A row's padding is to the right:
 * causal attention never looks there, and what it computes there is never taken back.
 */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { DataType } from '../onnx/model.js'
import { tensorSource } from '../../checkpoint/weights.js'
import { storeBlocks8, storeCompact, storeFloat, type WeightSink } from '../weights/store.js'
import { attention, paddedHeadDim } from './attention.js'
import { decodeMatrix } from './decode.js'
import type { Precision } from './linear.js'
import { mlp } from './mlp.js'
import { firstNorm, skipNorm } from './norm.js'
import { rotaryCaches } from './rotary.js'

/** How the embedding table is kept at each precision; rows are decoded as they are looked up. */
const STORE_EMBEDDING = { fp32: storeFloat, int8: storeBlocks8, compact: storeCompact } as const

/** @param maxTokens longest row that the rotary caches cover */
export async function buildBackbone(
  sink: WeightSink,
  reader: SafetensorsReader,
  config: ModelConfig,
  precision: Precision,
  maxTokens: number
): Promise<void> {
  const { graph } = sink
  const tokens = graph.input('token_ids', DataType.INT64, ['T'])
  const rows = graph.input('rows', DataType.INT64, ['B', 'L'])
  const rowLengths = graph.input('row_lengths', DataType.INT32, ['B'])
  const slots = graph.input('slots', DataType.INT64, ['T'])
  const wanted = graph.input('wanted', DataType.INT64, ['P'])

  const one = graph.tensor('/constants/int32/1', DataType.INT32, [], Int32Array.of(1))
  const shape = graph.node('/rows/shape', 'Shape', [rows])
  const length = graph.node('/rows/length', 'Gather', [shape, graph.int(1)])
  const inputs = {
    rows,
    lastPositions: graph.node('/rows/last', 'Sub', [rowLengths, one]),
    rowLength: graph.node('/rows/length32', 'Cast', [length], { attributes: { to: { int: DataType.INT32 } } }),
    ...rotaryCaches(graph, config, maxTokens, paddedHeadDim(config.headDim) / 2)
  }

  const table = await STORE_EMBEDDING[precision](
    sink,
    'embed_tokens.weight',
    tensorSource(reader, 'model.embed_tokens.weight')
  )
  let residual = decodeMatrix(graph, '/embed_tokens', table, tokens)
  let delta = ''
  for (let layer = 0; layer < config.layers; layer++) {
    const weight = (name: string) => tensorSource(reader, `model.layers.${layer}.${name}.weight`)
    let normed: string
    const inputNorm = `/layers.${layer}/input_layernorm`
    if (layer === 0) {
      normed = await firstNorm(sink, inputNorm, residual, weight('input_layernorm'), config.rmsNormEps)
    } else {
      ;({ normed, residual } = await skipNorm(
        sink,
        inputNorm,
        residual,
        delta,
        weight('input_layernorm'),
        config.rmsNormEps
      ))
    }
    let takeBack = slots
    if (layer === config.layers - 1) {
      // After the last attention only the wanted positions matter: the rest of the layer runs on those alone.
      takeBack = graph.node('/wanted/slots', 'Gather', [slots, wanted])
      residual = graph.node('/wanted/residual', 'Gather', [residual, wanted])
    }
    const attended = await attention(sink, reader, config, layer, precision, normed, inputs, takeBack)
    const after = `/layers.${layer}/post_attention_layernorm`
    ;({ normed, residual } = await skipNorm(
      sink,
      after,
      residual,
      attended,
      weight('post_attention_layernorm'),
      config.rmsNormEps
    ))
    delta = await mlp(sink, reader, config, layer, precision, normed)
  }
  const final = await skipNorm(
    sink,
    '/norm',
    residual,
    delta,
    tensorSource(reader, 'model.norm.weight'),
    config.rmsNormEps
  )
  graph.output('states', final.normed, DataType.FLOAT, ['P', config.hiddenSize])
}
