/**
 * LLaMA-Factory's score evaluation: `get_rewards_from_server` of its PPO trainer with `reward_model_type: api`, and
 * `llamafactory/api/protocol.py`. The client has no timeout, tries once, and reads `scores` of whatever comes.
 */
import { Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { HINT } from '../../validation.js'
import { type Contract, contractRoute, textErrorForm } from '../contract.js'
import { errorsOf, itemErrors } from '../item-replies.js'

const ScoreEvaluationRequest = Type.Object(
  {
    model: Type.Optional(Type.Unknown()),
    messages: Type.Array(Type.String(), {
      description: "Prompt and response of each sample as one text, rendered in the policy's chat template."
    }),
    max_length: Type.Optional(Type.Unknown({ description: "Not looked at: the model's own limit holds." }))
  },
  {
    title: 'LlamaFactoryRequest',
    [HINT]: 'send {"model": "model", "messages": ["..."]}',
    examples: [
      {
        model: 'model',
        messages: ['<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n']
      }
    ]
  }
)

const ScoreEvaluationReply = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('score.evaluation'),
    model: Type.String(),
    scores: Type.Array(Type.Number(), { description: 'scoreScale * score + scoreOffset of each text.' }),
    errors: itemErrors
  },
  { title: 'LlamaFactoryReply' }
)

export const llamaFactory: Contract = {
  protocol: 'llama-factory',
  tag: { name: 'LLaMA-Factory', description: 'Reward model of LLaMA-Factory PPO over its API.' },
  errorSchema: Type.Object({ detail: Type.String() }, { title: 'LlamaFactoryError' }),
  errorForm: textErrorForm('detail'),
  // It tries nothing again, and waits without an end.
  patience: Infinity,
  routes: [
    contractRoute({
      url: '/v1/score/evaluation',
      keys: ['messages'],
      summary: 'Scores of rendered texts',
      body: ScoreEvaluationRequest,
      reply: ScoreEvaluationReply,
      async answer({ messages }, call) {
        if (messages.length === 0) throw new ArmormError('invalid_request', '"messages" is empty')
        const inputs = messages.map((text) => ({ kind: 'rendered', text: { text } }) as const)
        const rewards = await call.scorer.score(inputs, llamaFactory, call)
        return {
          id: `scoreval-${call.id}`,
          object: 'score.evaluation',
          model: call.services.manifest.model.name,
          scores: rewards.map(({ reward }) => reward),
          ...errorsOf(rewards)
        }
      }
    })
  ]
}
