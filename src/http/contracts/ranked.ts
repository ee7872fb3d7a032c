/** Order of answers to one prompt. */
import type { ContractReward } from './scoring.js'

export interface Ranked {
  readonly item: ContractReward
  /** Place in the request. */
  readonly index: number
}

/** The highest score first; what has the same stays in the request's order. The reward grows with the score. */
export function ranked(items: readonly ContractReward[]): Ranked[] {
  return items.map((item, index) => ({ item, index })).sort((a, b) => b.item.score - a.item.score)
}
