/** What vLLM's requests and replies have in common. */
import type { Call } from '../contract.js'
import { openAiUsage } from '../item-replies.js'
import type { ContractReward } from '../scoring.js'

interface Activation {
  readonly use_activation?: boolean | null
  readonly activation?: boolean | null
}

/** `use_activation` since vLLM 0.12; older clients, verl's among them, say `activation`. */
export function isActivated({ use_activation, activation }: Activation): boolean {
  return use_activation ?? activation ?? false
}

/** One number for an item: the reward, as of a regression model, or the calibrated score. */
export function scoreOf({ reward, calibrated }: ContractReward, activated: boolean): number {
  return activated ? calibrated : reward
}

export function listReply(kind: string, data: readonly object[], rewards: readonly ContractReward[], call: Call) {
  return {
    id: `${kind}-${call.id}`,
    object: 'list',
    created: Math.floor(Date.now() / 1000),
    model: call.services.manifest.model.name,
    data,
    usage: {
      ...openAiUsage(rewards),
      completion_tokens: 0,
      prompt_tokens_details: null,
      completion_tokens_details: null
    }
  }
}
