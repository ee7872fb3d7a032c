/**
 * The Llama backbone, written to be read: one sequence, float64, no cache, no batching.
 * Same computation as LlamaModel of transformers (models/llama/modeling_llama.py).
 * Shapes: S tokens, D hidden size, F feed-forward size, H query heads, G key/value heads, d head width.
 */
import type { ModelConfig } from '../checkpoint/config.js'
import type { RopeConfig } from '../checkpoint/rope.js'
import { linear, softmax, type Linear } from './linear.js'

export interface LayerWeights {
  /** `[D]` */
  readonly inputNorm: Float32Array
  /** `[H*d, D]` */
  readonly query: Linear
  /** `[G*d, D]` */
  readonly key: Linear
  /** `[G*d, D]` */
  readonly value: Linear
  /** `[D, H*d]` */
  readonly output: Linear
  /** `[D]` */
  readonly postAttentionNorm: Float32Array
  /** `[F, D]` */
  readonly gate: Linear
  /** `[F, D]` */
  readonly up: Linear
  /** `[D, F]` */
  readonly down: Linear
}

export interface BackboneWeights {
  readonly layers: readonly LayerWeights[]
  /** `[D]` */
  readonly finalNorm: Float32Array
}

/**
 * Hidden states after the final norm.
 * @param embeddings `[S, D]` rows of the embedding table
 * @returns `[S, D]`
 */
export async function backbone(
  config: ModelConfig,
  weights: BackboneWeights,
  embeddings: Float64Array
): Promise<Float64Array> {
  const tokens = embeddings.length / config.hiddenSize
  let x = embeddings // [S, D], the residual stream
  for (const layer of weights.layers) {
    const attended = await attention(config, layer, rmsNorm(x, layer.inputNorm, config.rmsNormEps), tokens)
    x = add(x, attended)
    const fed = await feedForward(layer, rmsNorm(x, layer.postAttentionNorm, config.rmsNormEps), tokens)
    x = add(x, fed)
  }
  return rmsNorm(x, weights.finalNorm, config.rmsNormEps)
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!)
}

/** Every row divided by its root mean square, times the weight. `[S, D]` -> `[S, D]` */
export function rmsNorm(x: Float64Array, weight: Float32Array, epsilon: number): Float64Array {
  const size = weight.length
  const y = new Float64Array(x.length)
  for (let start = 0; start < x.length; start += size) {
    let squares = 0
    for (let i = 0; i < size; i++) squares += x[start + i]! ** 2
    const scale = 1 / Math.sqrt(squares / size + epsilon)
    for (let i = 0; i < size; i++) y[start + i] = x[start + i]! * scale * weight[i]!
  }
  return y
}

/** SwiGLU: down(silu(gate(x)) * up(x)). `[S, D]` -> `[S, D]` */
async function feedForward(layer: LayerWeights, x: Float64Array, tokens: number): Promise<Float64Array> {
  const gate = await linear(x, tokens, layer.gate) // [S, F]
  const up = await linear(x, tokens, layer.up) // [S, F]
  const product = gate.map((value, i) => (value / (1 + Math.exp(-value))) * up[i]!) // [S, F]
  return linear(product, tokens, layer.down)
}

/** Causal attention; H / G query heads share each key and value head. `[S, D]` -> `[S, D]` */
async function attention(
  config: ModelConfig,
  layer: LayerWeights,
  x: Float64Array,
  tokens: number
): Promise<Float64Array> {
  const { heads, kvHeads, headDim } = config
  const frequencies = inverseFrequencies(config.rope, headDim)
  const query = rotate(await linear(x, tokens, layer.query), heads, headDim, frequencies) // [S, H, d]
  const key = rotate(await linear(x, tokens, layer.key), kvHeads, headDim, frequencies) // [S, G, d]
  const value = await linear(x, tokens, layer.value) // [S, G, d]
  const mixed = new Float64Array(tokens * heads * headDim) // [S, H, d]
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor(head / (heads / kvHeads))
    for (let token = 0; token < tokens; token++) {
      const q = (token * heads + head) * headDim
      const logits = new Float64Array(token + 1) // a token sees itself and what comes before it
      for (let seen = 0; seen <= token; seen++) {
        const k = (seen * kvHeads + kvHead) * headDim
        let dot = 0
        for (let i = 0; i < headDim; i++) dot += query[q + i]! * key[k + i]!
        logits[seen] = dot / Math.sqrt(headDim)
      }
      const weights = softmax(logits)
      for (let seen = 0; seen <= token; seen++) {
        const v = (seen * kvHeads + kvHead) * headDim
        for (let i = 0; i < headDim; i++) mixed[q + i]! += weights[seen]! * value[v + i]!
      }
    }
  }
  return linear(mixed, tokens, layer.output)
}

/**
 * Radians a position of each pair of the head: `[d/2]`.
 * Source of the scalings: transformers, modeling_rope_utils.py; llama3 is the scheme of Llama 3.1.
 */
export function inverseFrequencies({ theta, scaling }: RopeConfig, headDim: number): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = theta ** ((-2 * i) / headDim)
    if (scaling.type === 'none') return frequency
    if (scaling.type === 'linear') return frequency / scaling.factor
    // How many periods fit into the original context decides how much of the scaling a frequency gets.
    const periods = scaling.originalMaxPositions / ((2 * Math.PI) / frequency)
    if (periods > scaling.highFreqFactor) return frequency
    if (periods < scaling.lowFreqFactor) return frequency / scaling.factor
    const kept = (periods - scaling.lowFreqFactor) / (scaling.highFreqFactor - scaling.lowFreqFactor)
    return (1 - kept) * (frequency / scaling.factor) + kept * frequency
  })
}

/**
 * Rotary embedding in the layout of transformers: element i of a head pairs with element i + d/2.
 * @param x `[S, heads, d]`
 */
function rotate(x: Float64Array, heads: number, headDim: number, frequencies: Float64Array): Float64Array {
  const half = headDim / 2
  const y = new Float64Array(x.length)
  for (let start = 0; start < x.length; start += headDim) {
    const position = Math.floor(start / (heads * headDim))
    for (let i = 0; i < half; i++) {
      const cos = Math.cos(position * frequencies[i]!)
      const sin = Math.sin(position * frequencies[i]!)
      const a = x[start + i]!
      const b = x[start + i + half]!
      y[start + i] = a * cos - b * sin
      y[start + i + half] = b * cos + a * sin
    }
  }
  return y
}
