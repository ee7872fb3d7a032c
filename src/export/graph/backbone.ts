/**
 * backbone.onnx: packed token ids and the positions wanted -> hidden states there, after the final norm.
 *
 * Linear layers run over the packed tokens `[T]`, without padding and each distinct token once; only attention knows of
 * rows, which may share the tokens that they begin with.
 */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { DataType } from '../onnx/model.js'
import { tensorSource } from '../../checkpoint/weights.js'
import { storeCompact, storeFloat, storeHalf, type WeightSink } from '../weights/store.js'
import { type Attention, type AttentionContext, attentionPath } from './attention.js'
import { cascadeAttention } from './attention-cascade.js'
import { attentionOverRows } from './attention-rows.js'
import { decodeMatrix } from './decode.js'
import { linear, type FloatPrecision } from './linear.js'
import { mlp } from './mlp.js'
import { firstNorm, skipNorm } from './norm.js'

/** How the embedding table is kept at each precision; rows are decoded as they are looked up. */
const STORE_EMBEDDING = { fp32: storeFloat, fp16: storeHalf, compact: storeCompact } as const

export type AttentionForm = 'rows' | 'cascade'

const ATTENTION: Record<AttentionForm, (context: AttentionContext) => Attention> = {
  rows: attentionOverRows,
  cascade: cascadeAttention
}

/** @param maxTokens longest row that the rotary tables cover */
export async function buildBackbone(
  sink: WeightSink,
  reader: SafetensorsReader,
  config: ModelConfig,
  precision: FloatPrecision,
  form: AttentionForm,
  maxTokens: number
): Promise<void> {
  const { graph } = sink
  const tokens = graph.input('token_ids', DataType.INT32, ['T'])
  const wanted = graph.input('wanted', DataType.INT32, ['P'])
  const attention = ATTENTION[form]({ sink, reader, config, precision, maxTokens, wanted })

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
    const attended = await attention.attend(layer, normed)
    const output = attention.output(layer)
    const projected = await linear(
      sink,
      `${attentionPath(layer)}/o_proj`,
      precision,
      attended,
      output.weights,
      output.bias
    )
    // After the last attention only the wanted positions matter: the rest of the layer runs on those alone.
    const last = layer === config.layers - 1
    if (last) residual = graph.node('/wanted/residual', 'Gather', [residual, wanted])
    const after = `/layers.${layer}/post_attention_layernorm`
    ;({ normed, residual } = await skipNorm(
      sink,
      after,
      residual,
      projected,
      weight('post_attention_layernorm'),
      config.rmsNormEps
    ))
    delta = await mlp(sink, reader, config, layer, precision, normed, last ? null : attention.chunks)
  }
  const { normed } = await skipNorm(
    sink,
    '/norm',
    residual,
    delta,
    tensorSource(reader, 'model.norm.weight'),
    config.rmsNormEps
  )
  const states =
    sink.computeType === DataType.FLOAT
      ? normed
      : graph.node('/states', 'Cast', [normed], { attributes: { to: { int: DataType.FLOAT } } })
  graph.output('states', states, DataType.FLOAT, ['P', config.hiddenSize])
}
