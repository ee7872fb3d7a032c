import { type Static, Type } from 'typebox'
import { HINT } from '../../validation.js'
import { itemErrors } from '../item-replies.js'

/** Whatever else a version sends is not looked at: `labels` may be anything. */
export const RewardRequest = Type.Object(
  {
    query: Type.Union([Type.String(), Type.Array(Type.String())], {
      description: "Prompt and response of each sample, rendered in the policy's chat template."
    }),
    prompts: Type.Optional(
      Type.Union([Type.String(), Type.Array(Type.Unknown()), Type.Null()], {
        description: 'Prompt of each sample, rendered. Where `query` begins with it, the rest is the response.'
      })
    ),
    labels: Type.Optional(Type.Unknown())
  },
  {
    title: 'OpenRlhfRequest',
    [HINT]: 'send {"query": ["..."], "prompts": ["..."]}',
    examples: [
      {
        query: ['<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n'],
        prompts: ['<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n'],
        labels: ['']
      }
    ]
  }
)
export type RewardRequest = Static<typeof RewardRequest>

export const RewardReply = Type.Object(
  {
    rewards: Type.Array(Type.Number(), { description: 'scoreScale * score + scoreOffset of each sample.' }),
    scores: Type.Array(Type.Number({ minimum: 0, maximum: 1 }), { description: 'The score, calibrated to 0..1.' }),
    extra_logs: Type.Record(Type.String(), Type.Array(Type.Number()), {
      description: 'Always the same keys, one number a sample: ratings by objective, and what befell the sample.'
    }),
    errors: itemErrors
  },
  { title: 'OpenRlhfReply' }
)
export type RewardReply = Static<typeof RewardReply>
