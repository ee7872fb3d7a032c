/** The rewards that a bundle must reproduce before it is served, computed by the plain reference. */
import type { SelfTestCase } from '../bundle/manifest.js'
import type { ModelConfig } from '../checkpoint/config.js'
import type { SafetensorsReader } from '../checkpoint/safetensors.js'
import { ReferenceModel } from '../reference/model.js'

/**
 * Allowed difference from the reference: float32 rounding where weights are stored without loss. Rounding to 8 bits has
 * no bound that holds for every model; these catch a bundle that computes something else, not one that rounds more.
 */
export function selfTestTolerance(lossless: boolean): number {
  return lossless ? 1e-3 : 0.25
}

/** Tokens of the prompt that all cases share, and of each response. Few: the reference is slow, its weights streamed. */
const PROMPT_TOKENS = 4
const RESPONSE_TOKENS = [2, 5]

/**
 * Cases of made-up token ids, the same for the same vocabulary.
 * @param onProgress told how much is done, 0..1
 */
export async function selfTestCases(
  reader: SafetensorsReader,
  config: ModelConfig,
  maxTokens: number,
  onProgress: (done: number) => void
): Promise<SelfTestCase[]> {
  const model = await ReferenceModel.over(reader, config)
  const cases: SelfTestCase[] = []
  for (const [index, responseTokens] of RESPONSE_TOKENS.entries()) {
    const length = Math.min(maxTokens, PROMPT_TOKENS + responseTokens)
    // Multiples of a prime, so that neighbours lie far apart in the vocabulary; the responses differ from each other.
    const ids = Array.from({ length }, (_, i) => ((i + 1) * 7919 + (i < PROMPT_TOKENS ? 0 : index)) % config.vocabSize)
    const gateIndex = Math.min(PROMPT_TOKENS, length) - 1
    const { ratings, gating, score } = await model.forward(ids, gateIndex)
    cases.push({ input_ids: ids, gate_index: gateIndex, ratings: [...ratings], gating: [...gating], score })
    onProgress((index + 1) / RESPONSE_TOKENS.length)
  }
  return cases
}
