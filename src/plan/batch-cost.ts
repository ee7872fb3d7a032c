/** What a batch costs on a GPU. Every constant is named with where it comes from, or as an assumption. */
import { type BackboneSize, type Gpu, linearWeights } from './hardware.js'

/** What a batch makes a GPU compute. */
export interface BatchWork {
  /** Tokens through the linear layers, padding included. */
  readonly tokens: number
  /** Sum over rows of the square of their length, padding included: attention. */
  readonly squares: number
}

/** Assumed: what large matrix products reach of the peak with onnxruntime's cuBLAS. */
const LINEAR_EFFICIENCY = 0.55
/** Assumed: what flash attention reaches at these lengths. */
const ATTENTION_EFFICIENCY = 0.35
/** Assumed: launches of some 400 kernels, copies, heads, and the way between the processes. */
const OVERHEAD_MS = 3
/** Of half precision. */
export const WEIGHT_BYTES = 2

/** Milliseconds of a batch on this GPU. */
export function batchCost(gpu: Gpu, backbone: BackboneSize): (work: BatchWork) => number {
  const weights = linearWeights(backbone)
  // A product takes one multiplication and one addition a weight and token.
  const linearMs = (1000 * 2 * weights) / (LINEAR_EFFICIENCY * gpu.flops)
  // Scores and values: 4 FLOP for each of the L^2 / 2 causal pairs, each of the hidden channels, each layer.
  const squareMs = (1000 * 2 * backbone.hidden * backbone.layers) / (ATTENTION_EFFICIENCY * gpu.flops)
  // Every batch reads all weights once: small ones wait for that, which is how the rate saturates.
  const readMs = (1000 * WEIGHT_BYTES * weights) / gpu.bandwidth
  return ({ tokens, squares }) => OVERHEAD_MS + readMs + linearMs * tokens + squareMs * squares
}
