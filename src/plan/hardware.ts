/** Graphics cards and models that capacity is planned for. Of makers' data sheets: nothing here was measured. */

export interface Gpu {
  /** Peak of half-precision matrix products without sparsity, FLOP/s. */
  readonly flops: number
  /** Of its memory, bytes/s. */
  readonly bandwidth: number
  /** Bytes. */
  readonly memory: number
}

export const GPUS = {
  h200: { flops: 989e12, bandwidth: 4.8e12, memory: 141e9 },
  h100: { flops: 989e12, bandwidth: 3.35e12, memory: 80e9 },
  a100: { flops: 312e12, bandwidth: 2.039e12, memory: 80e9 },
  l40s: { flops: 362e12, bandwidth: 0.864e12, memory: 48e9 },
  a10: { flops: 125e12, bandwidth: 0.6e12, memory: 24e9 },
  l4: { flops: 121e12, bandwidth: 0.3e12, memory: 24e9 }
} as const satisfies Record<string, Gpu>
export type GpuName = keyof typeof GPUS

/** A Llama-3 backbone, by its config.json. */
export interface BackboneSize {
  readonly layers: number
  readonly hidden: number
  readonly intermediate: number
  /** Channels of all keys of a token, and of all values. */
  readonly keyValue: number
  readonly vocabulary: number
}

export const BACKBONES = {
  '1b': { layers: 16, hidden: 2048, intermediate: 8192, keyValue: 512, vocabulary: 128_256 },
  '3b': { layers: 28, hidden: 3072, intermediate: 8192, keyValue: 1024, vocabulary: 128_256 },
  '8b': { layers: 32, hidden: 4096, intermediate: 14_336, keyValue: 1024, vocabulary: 128_257 },
  '70b': { layers: 80, hidden: 8192, intermediate: 28_672, keyValue: 1024, vocabulary: 128_256 }
} as const satisfies Record<string, BackboneSize>
export type BackboneName = keyof typeof BACKBONES

/** Weights of the linear layers; the language model's head is not run. */
export function linearWeights({ layers, hidden, intermediate, keyValue }: BackboneSize): number {
  return layers * (2 * hidden * hidden + 2 * hidden * keyValue + 3 * hidden * intermediate)
}
