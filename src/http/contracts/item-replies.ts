/** Parts of replies that several contracts have. */
import { Type } from 'typebox'
import { ArmormError } from '../../errors.js'
import type { ContractReward } from './scoring.js'

/** Beside the numbers of all items: which of them stand in for what could not be scored. */
export const itemErrors = Type.Optional(
  Type.Array(Type.Object({ index: Type.Integer(), code: Type.String(), message: Type.String() }), {
    description: 'Items that could not be scored, with the reason; absent when there are none.'
  })
)

/** In one item's own object. */
export const itemError = Type.Optional(
  Type.Object(
    { code: Type.String(), message: Type.String() },
    { description: 'Why this item could not be scored: its numbers stand in. Absent when it was.' }
  )
)

/** All items' errors; absent when there are none. */
export function errorsOf(rewards: readonly ContractReward[]) {
  const errors = rewards.flatMap(({ outcome }, index) =>
    outcome instanceof ArmormError ? [{ index, code: outcome.code, message: outcome.message }] : []
  )
  return errors.length === 0 ? {} : { errors }
}

/** One item's error; absent when there is none. */
export function errorOf({ outcome }: ContractReward) {
  return outcome instanceof ArmormError ? { error: { code: outcome.code, message: outcome.message } } : {}
}

/** Tokens of all items, in OpenAI's words. */
export function openAiUsage(rewards: readonly ContractReward[]) {
  const tokens = rewards.reduce((sum, item) => sum + item.tokens, 0)
  return { prompt_tokens: tokens, total_tokens: tokens }
}
