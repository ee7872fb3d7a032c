/** What a batch costs: an 8B Llama on one H100. Every constant is named with where it comes from. */

/** What a batch makes a GPU compute. */
export interface BatchWork {
  /** Tokens through the linear layers, padding included. */
  readonly tokens: number
  /** Sum over rows of the square of their length, padding included: attention. */
  readonly squares: number
}

/** Peak of an H100 SXM in bfloat16 without sparsity, FLOP/s (NVIDIA's data sheet: 989 TFLOPS). */
const PEAK_FLOPS = 989e12
/** Its memory's bandwidth, bytes/s (the data sheet: 3.35 TB/s). */
const BANDWIDTH = 3.35e12
/** Weights of the linear layers of Llama-3-8B: 32 layers of 218.1 million (its config.json); the head is not run. */
const WEIGHTS = 32 * 218.1e6
const LAYERS = 32
const HIDDEN = 4096
/** Assumed: what large matrix products reach of the peak with onnxruntime's cuBLAS. */
const LINEAR_EFFICIENCY = 0.55
/** Assumed: what flash attention reaches at these lengths. */
const ATTENTION_EFFICIENCY = 0.35
/** Assumed: launches of some 400 kernels, copies, heads, and the way between the processes. */
const OVERHEAD_MS = 3

/** A product takes one multiplication and one addition a weight and token. */
const LINEAR_MS = (1000 * 2 * WEIGHTS) / (LINEAR_EFFICIENCY * PEAK_FLOPS)
/** Scores and values: 4 FLOP for each of the L^2 / 2 causal pairs, each of the hidden channels, each layer. */
const SQUARE_MS = (1000 * 2 * HIDDEN * LAYERS) / (ATTENTION_EFFICIENCY * PEAK_FLOPS)
/** Every batch reads all weights (2 bytes each) once: small ones wait for that, which is how the rate saturates. */
const READ_MS = (1000 * 2 * WEIGHTS) / BANDWIDTH

/** Milliseconds of a batch. */
export function batchMs({ tokens, squares }: BatchWork): number {
  return OVERHEAD_MS + READ_MS + LINEAR_MS * tokens + SQUARE_MS * squares
}
