/**
 * xtuner's judger with a URL as `reward_handler`, `xtuner/v1/rl/judger/native.py`. It sends no prompt, so that the data
 * set has to carry it as ground truth. It tries once, for 30 s, and raises for any status but 2xx.
 */
import { type Static, Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { nativeForm } from '../../plugins/errors.js'
import { ErrorReply } from '../../schemas/results.js'
import { checker, HINT } from '../../validation.js'
import { answerTo, Prompt } from '../answers.js'
import { type Contract, contractRoute } from '../contract.js'
import { floatReply } from '../float-json.js'
import { ScoreObject, scoreObject } from '../score-object.js'

const JudgeRequest = Type.Object(
  {
    response: Type.String(),
    label: Type.Optional(
      Type.Unknown({ description: 'The ground truth: {"prompt": ...}, or the messages before the response.' })
    ),
    extra_info: Type.Optional(Type.Unknown({ description: 'Where `label` has no prompt: {"prompt": ...}.' }))
  },
  {
    title: 'XtunerRequest',
    [HINT]: 'send {"response": "...", "label": {"prompt": "..."}}',
    examples: [{ response: '4<|im_end|>', label: { prompt: 'How much is 2+2?' }, extra_info: {} }]
  }
)

export const xtuner: Contract = {
  protocol: 'xtuner',
  tag: { name: 'xtuner', description: "xtuner's judger over HTTP." },
  // Its client reads no error body.
  errorSchema: ErrorReply,
  errorForm: nativeForm,
  // It tries nothing again.
  patience: 30,
  routes: [
    contractRoute({
      url: '/xtuner',
      keys: ['response'],
      summary: 'The reward and its objectives by name',
      description: 'xtuner sends no prompt: the data set carries it as ground truth.',
      body: JudgeRequest,
      reply: ScoreObject,
      async answer(body, call) {
        const input = answerTo(promptOf(body), body.response, call)
        const [item] = await call.scorer.score([input], xtuner, call)
        return item && scoreObject(item, call.scorer)
      },
      serialize: floatReply
    })
  ]
}

const wrong = checker(Prompt)

/** A text as ground truth would rather be the solution than the prompt, so it counts as none. */
function promptOf({ label, extra_info: extra }: Static<typeof JudgeRequest>): Prompt {
  for (const prompt of [Array.isArray(label) ? label : fieldOf(label), fieldOf(extra)]) {
    if (prompt !== undefined && wrong(prompt).length === 0) return prompt as Prompt
  }
  const message =
    'the body has no prompt: put it into the data set as ground truth, {"prompt": text or messages}, and it comes as "label"'
  throw new ArmormError('invalid_request', message)
}

function fieldOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'prompt' in value ? value.prompt : undefined
}
