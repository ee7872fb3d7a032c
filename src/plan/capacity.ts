/** How many replicas a load takes, how much memory each, and what that costs. */
import { ArmormError } from '../errors.js'
import { batchCost, WEIGHT_BYTES } from './batch-cost.js'
import { type BackboneSize, type Gpu, linearWeights } from './hardware.js'

/** What trainers ask for. */
export interface Demand {
  /** Tokens of the conversations that are scored in a second, a shared prompt counted with every response. */
  readonly tokensPerSecond: number
  /** Share of those tokens that conversations of one batch have in common, and that is computed once; 0 to below 1. */
  readonly shared: number
  /** Tokens of a conversation on average. */
  readonly conversationTokens: number
  /** Share of its time that a replica is to work: the rest is for waves and for replicas that are away. */
  readonly utilisation: number
}

export interface Plan {
  /** Distinct tokens per second that one replica computes. */
  readonly replicaRate: number
  readonly replicas: number
  /** Share of its time that each replica then works. */
  readonly busy: number
  /** Milliseconds that a full batch runs: what a lone conversation waits at most for the one before it. */
  readonly batchMs: number | null
}

/** Bytes of a replica on a GPU. */
export interface GpuMemory {
  readonly weights: number
  /** Of a full batch: states between layers, and the keys and values that the graph gives out. */
  readonly batch: number
  /** Assumed: CUDA's context and the libraries' work spaces. */
  readonly runtime: number
}

/** Assumed: CUDA's context, cuBLAS, cuDNN. */
const RUNTIME_BYTES = 1.5e9

/** @param rate - distinct tokens per second of one replica */
export function planReplicas(demand: Demand, rate: number, batchMs: number | null = null): Plan {
  const wanted = demand.tokensPerSecond * (1 - demand.shared)
  const replicas = Math.max(1, Math.ceil(wanted / (rate * demand.utilisation)))
  return { replicaRate: rate, replicas, busy: wanted / (rate * replicas), batchMs }
}

/**
 * @param batchTokens - distinct tokens of a full batch
 * @throws ArmormError invalid_config when the model does not fit into the GPU's memory
 */
export function planGpu(
  demand: Demand,
  gpu: Gpu,
  backbone: BackboneSize,
  batchTokens: number
): Plan & { readonly memory: GpuMemory } {
  const memory = gpuMemory(backbone, batchTokens)
  const needed = memory.weights + memory.batch + memory.runtime
  if (needed > gpu.memory) {
    throw new ArmormError(
      'invalid_config',
      `a replica takes ${gigabytes(needed)} GB with batches of ${batchTokens} tokens, and this GPU has ${gigabytes(gpu.memory)}: ` +
        'take a larger GPU or a smaller model'
    )
  }
  // Attention works row by row, and each conversation of a batch has a row of its own.
  const rows = batchTokens / (1 - demand.shared) / demand.conversationTokens
  const batchMs = batchCost(gpu, backbone)({ tokens: batchTokens, squares: rows * demand.conversationTokens ** 2 })
  return { ...planReplicas(demand, (1000 * batchTokens) / batchMs, batchMs), memory }
}

function gpuMemory(backbone: BackboneSize, batchTokens: number): GpuMemory {
  const { layers, hidden, intermediate, keyValue, vocabulary } = backbone
  const weights = linearWeights(backbone) + vocabulary * hidden
  // The widest moment of a layer: gate, up and their product beside the states before and after.
  const widest = batchTokens * (3 * intermediate + 3 * hidden)
  return {
    weights: WEIGHT_BYTES * weights,
    batch: WEIGHT_BYTES * (widest + batchTokens * 2 * keyValue * layers),
    runtime: RUNTIME_BYTES
  }
}

export const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1)
