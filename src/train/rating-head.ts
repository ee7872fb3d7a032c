/** What stage 1 and debiasing made, as the later steps read it. */
import { readDebias } from './debias/result.js'
import { readStage1 } from './stage1/result.js'
import type { TestPrompts } from './test-prompts.js'

/** Shapes: K objectives, H width of the states. */
export interface RatingHead {
  /** `[K]` names. */
  readonly objectives: readonly string[]
  /** H */
  readonly hidden: number
  /** `[K, H]`; ratings are states times its transpose. */
  readonly weight: Float32Array
  /** `[K, K]`; adjusted_j = sum_i rating_i transform[i][j]. */
  readonly transform: readonly (readonly number[])[]
  /** Prompts of test pairs that stage 1 held out; absent where it held none. */
  readonly testPrompts?: TestPrompts
  /** Of the backbone's model, and of the two steps. */
  readonly revision: string
  readonly fingerprints: readonly string[]
}

/** @throws ArmormError invalid_work naming the file that is missing or does not fit */
export async function readRatingHead(work: string): Promise<RatingHead> {
  const { result, weight } = await readStage1(work)
  const objectives = result.objectives.map(({ name }) => name)
  const { transform, fingerprint } = await readDebias(work, result)
  const { hidden, model, split } = result
  return {
    objectives,
    hidden,
    weight,
    transform,
    ...(split.test_prompts && { testPrompts: split.test_prompts }),
    revision: model.revision,
    fingerprints: [result.fingerprint, fingerprint]
  }
}
