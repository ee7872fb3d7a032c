/** The rewards that a bundle must reproduce before it is served, computed by the plain reference. */
import type { Manifest, SelfTestCase } from '../bundle/manifest.js'
import type { ModelConfig } from '../checkpoint/config.js'
import type { SafetensorsReader } from '../checkpoint/safetensors.js'
import { ArmormError } from '../errors.js'
import type { Reward } from '../reference/heads.js'
import { ReferenceModel } from '../reference/model.js'

/** Allowed difference from the reference where weights are stored without loss: float32 rounding. */
const LOSSLESS = 1e-3
/**
 * The same for rounded weights, as a share of the largest output: rounding to 8 bits has no bound that holds for every
 * model, and errors of contributions do not cancel as the contributions do. It catches a bundle that computes something
 * else, not one that rounds more.
 */
const ROUNDED = 0.25

/** Tokens of the prompt that all cases share, and of each response. Few: the reference is slow, its weights streamed. */
const PROMPT_TOKENS = 4
const RESPONSE_TOKENS = [2, 5]

/**
 * Cases of made-up token ids, the same for the same vocabulary, and how far from them the bundle may be.
 * @param lossless whether the bundle stores every weight as the checkpoint does
 * @param onProgress told how much is done, 0..1
 * @throws ArmormError unsupported_checkpoint when the weights overflow
 */
export async function selfTestCases(
  reader: SafetensorsReader,
  config: ModelConfig,
  maxTokens: number,
  lossless: boolean,
  onProgress: (done: number) => void
): Promise<Manifest['self_test']> {
  const model = await ReferenceModel.over(reader, config)
  const computed: ComputedCase[] = []
  for (const [index, responseTokens] of RESPONSE_TOKENS.entries()) {
    const length = Math.min(maxTokens, PROMPT_TOKENS + responseTokens)
    // Multiples of a prime, so that neighbours lie far apart in the vocabulary; the responses differ from each other.
    const ids = Array.from({ length }, (_, i) => ((i + 1) * 7919 + (i < PROMPT_TOKENS ? 0 : index)) % config.vocabSize)
    const gateIndex = Math.min(PROMPT_TOKENS, length) - 1
    computed.push({ ids, gateIndex, reward: await model.forward(ids, gateIndex) })
    onProgress((index + 1) / RESPONSE_TOKENS.length)
  }
  return selfTestOf(computed, lossless)
}

/** A conversation and what the plain reference gives it. */
export interface ComputedCase {
  readonly ids: readonly number[]
  readonly gateIndex: number
  readonly reward: Reward
}

/**
 * @param lossless whether the bundle stores every weight as the checkpoint does
 * @throws ArmormError unsupported_checkpoint when the weights overflow
 */
export function selfTestOf(computed: readonly ComputedCase[], lossless: boolean): Manifest['self_test'] {
  let largest = 1
  const cases = computed.map(({ ids, gateIndex, reward: { ratings, gating, adjusted, score } }): SelfTestCase => {
    if (![...ratings, ...gating, score].every((value) => Number.isFinite(value))) {
      throw new ArmormError('unsupported_checkpoint', 'the weights give rewards that are not finite numbers')
    }
    const contributions = gating.reduce((sum, weight, k) => sum + Math.abs(weight * adjusted[k]!), 0)
    largest = Math.max(largest, contributions, ...[...ratings, ...gating].map(Math.abs))
    return { input_ids: [...ids], gate_index: gateIndex, ratings: [...ratings], gating: [...gating], score }
  })
  return { tolerance: lossless ? LOSSLESS : ROUNDED * largest, cases }
}

/** Whether the bundle that a self-test came with stores every weight as its checkpoint does. */
export const isLossless = ({ tolerance }: Manifest['self_test']): boolean => tolerance === LOSSLESS
