/**
 * OpenRLHF's remote reward, 0.3 to 0.11: `openrlhf/utils/agent.py` since 0.9.1, `remote_rm_utils.py` before. Any
 * failure is tried five times, a second apart, and then ends the training run.
 */
import { ArmormError } from '../../../errors.js'
import { nativeForm } from '../../plugins/errors.js'
import { ErrorReply } from '../../schemas/results.js'
import { type Contract, contractRoute } from '../contract.js'
import { floatReply } from '../float-json.js'
import { errorsOf } from '../item-replies.js'
import type { ContractInput, ContractReward } from '../scoring.js'
import { type RewardReply, RewardRequest, RewardReply as RewardReplySchema } from './schema.js'

/** OpenRLHF logs under the keys as they are, beside its own. */
const PREFIX = 'armo/'

export const openrlhf: Contract = {
  protocol: 'openrlhf',
  tag: { name: 'OpenRLHF', description: 'Remote reward of OpenRLHF 0.3 to 0.11.' },
  // Its client reads no error body.
  errorSchema: ErrorReply,
  errorForm: nativeForm,
  // A refusal is tried again after a second, five times in all; a reply is waited for as long as this.
  patience: 180,
  routes: [
    contractRoute({
      url: '/get_reward',
      keys: ['query'],
      summary: 'Rewards of rendered samples',
      description: 'One sample or a whole rollout; an empty list has an empty reply.',
      body: RewardRequest,
      reply: RewardReplySchema,
      async answer(body, call) {
        const rewards = await call.scorer.score(samples(body), openrlhf, call)
        return rewardReply(rewards, call.scorer.extraNames)
      },
      serialize: floatReply
    })
  ]
}

/** @throws ArmormError invalid_request when the prompts are not as many as the queries. */
function samples({ query, prompts }: RewardRequest): ContractInput[] {
  const texts = [query].flat()
  const before = prompts === undefined || prompts === null ? [] : [prompts].flat()
  if (before.length > 0 && before.length !== texts.length) {
    const message = `"prompts" holds ${before.length} and "query" ${texts.length}: there must be as many, or no prompts`
    throw new ArmormError('invalid_request', message, { prompts: before.length, query: texts.length })
  }
  return texts.map((text, i) => {
    const prompt = before[i]
    return { kind: 'rendered', text: typeof prompt === 'string' ? { prompt, text } : { text } }
  })
}

/** Also without samples, and for samples that failed, all keys are there: clients join replies by key. */
function rewardReply(rewards: readonly ContractReward[], extraNames: readonly string[]): RewardReply {
  const logs = extraNames.map((name, k) => [PREFIX + name, rewards.map(({ extras }) => extras[k] ?? 0)] as const)
  return {
    rewards: rewards.map(({ reward }) => reward),
    scores: rewards.map(({ calibrated }) => calibrated),
    extra_logs: {
      ...Object.fromEntries(logs),
      [`${PREFIX}raw_score`]: rewards.map(({ score }) => score),
      [`${PREFIX}prompt_cut`]: rewards.map(({ truncated }) => Number(truncated)),
      [`${PREFIX}failed`]: rewards.map(({ outcome }) => Number(outcome instanceof ArmormError))
    },
    ...errorsOf(rewards)
  }
}
