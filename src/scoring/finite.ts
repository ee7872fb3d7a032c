import type { HeadValues } from '../scheduling/rated-sequence.js'

/** Whether every number of a reward is finite: no other ever leaves the process, or is kept. */
export function isFiniteReward({ score, ratings, gating, adjusted }: HeadValues): boolean {
  return Number.isFinite(score) && [ratings, gating, adjusted].every((values) => values.every(Number.isFinite))
}
