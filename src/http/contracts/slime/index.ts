/**
 * slime's remote reward model, `slime/rollout/rm_hub/__init__.py`: `--rm-type remote_rm --rm-url URL`. The whole body
 * of the reply is the sample's reward: a number, or with `--reward-key` an object. Any failure is tried ten times,
 * with pauses of up to 30 s; each try has 120 s, the wait for one of 64 connections among them.
 */
import { Type } from 'typebox'
import { nativeForm } from '../../plugins/errors.js'
import { ErrorReply } from '../../schemas/results.js'
import { HINT } from '../../validation.js'
import { answerTo, Prompt } from '../answers.js'
import { type Contract, contractRoute } from '../contract.js'
import { floatJson, floatReply } from '../float-json.js'
import { ScoreObject, scoreObject } from '../score-object.js'

const RemoteRmRequest = Type.Object(
  {
    prompt: Prompt,
    response: Type.String(),
    label: Type.Optional(Type.Unknown({ description: 'Not looked at.' }))
  },
  {
    title: 'SlimeRequest',
    [HINT]: 'send {"prompt": "...", "response": "..."}',
    examples: [
      {
        prompt: '<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n',
        response: '4<|im_end|>',
        label: '4'
      }
    ]
  }
)

export const slime: Contract = {
  protocol: 'slime',
  tag: { name: 'slime', description: "slime's remote reward model." },
  // Its client reads no error body.
  errorSchema: ErrorReply,
  errorForm: nativeForm,
  // Ten refusals end the run.
  patience: 120,
  routes: [
    contractRoute({
      url: '/slime',
      keys: ['response'],
      summary: 'The reward as a bare number',
      description: 'For --rm-url without --reward-key.',
      body: RemoteRmRequest,
      reply: Type.Number(),
      async answer({ prompt, response }, call) {
        const [item] = await call.scorer.score([answerTo(prompt, response, call)], slime, call)
        return item?.reward
      },
      serialize: (reward) => floatJson(reward as number)
    }),
    contractRoute({
      url: '/slime/objectives',
      keys: ['response'],
      summary: 'The reward and its objectives by name',
      description: 'For --rm-url with --reward-key `score`, or the name of an objective.',
      body: RemoteRmRequest,
      reply: ScoreObject,
      async answer({ prompt, response }, call) {
        const [item] = await call.scorer.score([answerTo(prompt, response, call)], slime, call)
        return item && scoreObject(item, call.scorer)
      },
      serialize: floatReply
    })
  ]
}
