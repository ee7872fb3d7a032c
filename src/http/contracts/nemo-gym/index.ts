/**
 * NeMo-Gym's `/verify`, `nemo_gym/base_resources_server.py`: a rollout in the form of OpenAI's Responses comes back
 * with its reward and the components that the reward is the sum of. NeMo-RL takes 408, 429, 5xx and lost connections
 * for the server's trouble, which may be tried again, and any other 4xx for bad data.
 */
import { Type } from 'typebox'
import { type Contract, contractRoute, textErrorForm } from '../contract.js'
import { errorOf, itemError } from '../item-replies.js'
import { components } from './components.js'
import { readRollout, Rollout } from './rollout.js'
import { aggregateMetrics, seedSession } from './session.js'

const VerifyReply = Type.Object(
  {
    reward: Type.Number({ description: 'scoreScale * score + scoreOffset.' }),
    reward_components: Type.Record(Type.String(), Type.Number(), {
      description: 'What each objective contributes to the reward. They sum to it; always all objectives.'
    }),
    failure_reason: Type.Optional(Type.String({ description: 'Why the reward stands in; absent when it does not.' })),
    error: itemError
  },
  {
    title: 'NemoGymReply',
    additionalProperties: true,
    description: 'The fields of the request, the components once more by their names, and these.'
  }
)

export const nemoGym: Contract = {
  protocol: 'nemo-gym',
  tag: { name: 'NeMo-Gym', description: 'Verification of rollouts for NeMo-RL.' },
  errorSchema: Type.Object({ detail: Type.String() }, { title: 'NemoGymError' }),
  errorForm: textErrorForm('detail'),
  routes: [
    contractRoute({
      url: '/verify',
      keys: ['responses_create_params', 'response'],
      summary: 'Verify a rollout',
      body: Rollout,
      reply: VerifyReply,
      async answer(body, call) {
        const [item] = await call.scorer.score([readRollout(body, call)], nemoGym, call)
        if (!item) return undefined
        const parts = components(item, call.services)
        const { error } = errorOf(item)
        // What an earlier try could not score may be scored now.
        const asked: Record<string, unknown> = { ...body }
        delete asked['error']
        delete asked['failure_reason']
        return {
          ...asked,
          ...parts,
          // An objective may have the name of one of these.
          responses_create_params: body.responses_create_params,
          response: body.response,
          reward: item.reward,
          reward_components: parts,
          ...(error && { failure_reason: `${error.code}: ${error.message}`, error })
        }
      }
    }),
    seedSession,
    aggregateMetrics
  ]
}
