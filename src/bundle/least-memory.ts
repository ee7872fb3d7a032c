import type { Manifest } from './manifest.js'

/**
 * Bytes of memory that the engine cannot do without on a CPU: linear layers are rearranged into memory of their own,
 * at least as they lie in the file; of the embedding table, which stays a file, nothing is counted.
 */
export function leastEngineBytes({ backbone, files }: Pick<Manifest, 'backbone' | 'files'>): number {
  const weights = Object.entries(files).reduce((sum, [name, { bytes }]) => sum + (/\.onnx/.test(name) ? bytes : 0), 0)
  return Math.max(0, weights - backbone.vocab_size * backbone.hidden_size * (backbone.precision === 'fp32' ? 4 : 2))
}
