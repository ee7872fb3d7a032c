/**
 * align-anything's remote reward model, `align_anything/models/remote_rm/remote_rm_client.py`. It takes status 200
 * alone, tries three times for 100 s each, without a pause after a status, and then ends the run.
 */
import { Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { nativeForm } from '../../plugins/errors.js'
import { ErrorReply } from '../../schemas/results.js'
import { HINT } from '../../validation.js'
import { answerTo } from '../answers.js'
import { type Contract, contractRoute } from '../contract.js'
import { floatReply } from '../float-json.js'
import { errorsOf, itemErrors } from '../item-replies.js'

const RemoteRewardRequest = Type.Object(
  {
    prompts: Type.Array(Type.String(), { description: "Rendered in the policy's chat template, or bare." }),
    responses: Type.Array(Type.String(), { description: 'As many as prompts.' })
  },
  {
    title: 'AlignAnythingRequest',
    [HINT]: 'send {"prompts": ["..."], "responses": ["..."]}',
    examples: [{ prompts: ['How much is 2+2?'], responses: ['4'] }]
  }
)

const RemoteRewardReply = Type.Object(
  {
    rewards: Type.Array(Type.Number(), { description: 'scoreScale * score + scoreOffset of each pair.' }),
    errors: itemErrors
  },
  { title: 'AlignAnythingReply' }
)

export const alignAnything: Contract = {
  protocol: 'align-anything',
  tag: { name: 'align-anything', description: "align-anything's remote reward model." },
  // Its client reads no error body.
  errorSchema: ErrorReply,
  errorForm: nativeForm,
  // Three refusals, without a pause between, end the run.
  patience: 100,
  routes: [
    contractRoute({
      url: '/align-anything',
      keys: ['prompts', 'responses'],
      summary: 'Rewards of prompts and responses',
      body: RemoteRewardRequest,
      reply: RemoteRewardReply,
      async answer({ prompts, responses }, call) {
        if (prompts.length !== responses.length) {
          const message = `"prompts" holds ${prompts.length} and "responses" ${responses.length}: there must be as many`
          throw new ArmormError('invalid_request', message, { prompts: prompts.length, responses: responses.length })
        }
        const inputs = prompts.map((prompt, i) => answerTo(prompt, responses[i] ?? '', call))
        const rewards = await call.scorer.score(inputs, alignAnything, call)
        return { rewards: rewards.map(({ reward }) => reward), ...errorsOf(rewards) }
      },
      serialize: floatReply
    })
  ]
}
