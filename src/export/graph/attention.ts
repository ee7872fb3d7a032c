/** What the forms of attention have in common: their contract, and the projections of one layer. */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { tensorSource, type WeightSource } from '../../checkpoint/weights.js'
import type { WeightSink } from '../weights/store.js'
import type { FloatPrecision } from './linear.js'

/** How tokens that were packed once are attended to from every row that they belong to. */
export interface Attention {
  /** int64 scalar: equal parts of the packed tokens that the feed-forward layers run over one by one; null: not cut. */
  readonly chunks: string | null
  /**
   * float `[T, hidden]` -> `[T, heads * width]`: what each packed token of `layer` attends to, before o_proj. In the
   * last layer, where only the wanted positions matter, `[P, heads * width]`.
   */
  attend(layer: number, x: string): Promise<string>
  /** Output projection `[hidden, heads * width]` of `layer`, its columns as `attend` gives them. */
  output(layer: number): { weights: WeightSource; bias: WeightSource | undefined }
}

/** What an attention is built from. */
export interface AttentionContext {
  readonly sink: WeightSink
  readonly reader: SafetensorsReader
  readonly config: ModelConfig
  readonly precision: FloatPrecision
  /** Longest row that the rotary tables cover. */
  readonly maxTokens: number
  /** int32 `[P]` packed indices of which the states are wanted. */
  readonly wanted: string
}

export const attentionPath = (layer: number): string => `/layers.${layer}/attn`

/** A tensor of a layer's attention by its short name. */
export function attentionTensor({ reader }: AttentionContext, layer: number, name: string): WeightSource {
  return tensorSource(reader, `model.layers.${layer}.self_attn.${name}`)
}

/** A bias `[n]` as a matrix `[n, 1]`, so that what re-orders the rows of weights serves it too. */
export function asColumn(source: WeightSource): WeightSource {
  return {
    rows: source.columns,
    columns: 1,
    read: async (first, count) => (await source.read(0, 1)).subarray(first, first + count)
  }
}
