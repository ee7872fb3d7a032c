/** One item as a flat object of numbers, for trainers that take a reward by its key. */
import { Type } from 'typebox'
import { errorOf, itemError } from './item-replies.js'
import type { ContractReward, ContractScorer } from './scoring.js'

export const ScoreObject = Type.Object(
  {
    score: Type.Number({ description: 'scoreScale * score + scoreOffset.' }),
    raw_score: Type.Number({ description: "The model's own score." }),
    calibrated: Type.Number({ minimum: 0, maximum: 1, description: 'The score, calibrated to 0..1.' }),
    error: itemError
  },
  {
    title: 'ScoreObject',
    additionalProperties: true,
    description: 'Beside these, the raw rating of each objective that --extra-objectives names, by its name.'
  }
)

/** An objective that has the name of one of the fields leaves it to that. */
export function scoreObject(item: ContractReward, { extraNames }: Pick<ContractScorer, 'extraNames'>) {
  return {
    ...Object.fromEntries(extraNames.map((name, k) => [name, item.extras[k] ?? 0])),
    score: item.reward,
    raw_score: item.score,
    calibrated: item.calibrated,
    ...errorOf(item)
  }
}
