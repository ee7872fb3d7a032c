/**
 * vLLM's pooling routes, `vllm/entrypoints/pooling` 0.33: /classify, which verl reads as a reward model, /pooling,
 * and scores of pairs.
 * verl tries 5xx and lost connections again, 16 times with pauses of up to 30 s, and gives up at once on any 4xx.
 */
import { ArmormError } from '../../../errors.js'
import { type Contract, contractRoute, type ErrorForm } from '../contract.js'
import { readChatMessages } from '../chat-messages.js'
import { errorOf } from '../item-replies.js'
import { readPrompts } from '../prompts.js'
import type { ContractInput } from '../scoring.js'
import { base64, vectorOf } from '../vector.js'
import { isActivated, listReply } from './replies.js'
import { scoreRoutes } from './score.js'
import { ClassifyReply, ClassifyRequest, PoolingReply, PoolingRequest, VllmError } from './schema.js'

const TYPES: Readonly<Record<number, string>> = {
  404: 'NotFoundError',
  422: 'UnprocessableEntityError',
  500: 'InternalServerError',
  503: 'ServiceUnavailableError',
  504: 'InternalServerError'
}

/** What the last number of `probs` is called. */
const LABEL = 'score'

export const vllm: Contract = {
  protocol: 'vllm',
  tag: { name: 'vLLM', description: "vLLM's classification, pooling, scores and reranking; verl with vLLM." },
  errorSchema: VllmError,
  errorForm,
  routes: [
    contractRoute({
      url: '/classify',
      keys: ['input', 'messages'],
      summary: "vLLM's classification",
      description:
        'The reward is the last number of `probs`. As from a regression model, numbers are raw; with `use_activation` or `activation` true they are calibrated to 0..1.',
      body: ClassifyRequest,
      reply: ClassifyReply,
      async answer(body, call) {
        const rewards = await call.scorer.score(inputs(body), vllm, call)
        const data = rewards.map((item, index) => {
          const probs = vectorOf(item, isActivated(body))
          return { index, label: LABEL, probs, num_classes: probs.length, ...errorOf(item) }
        })
        return listReply('classify', data, rewards, call)
      }
    }),
    contractRoute({
      url: '/pooling',
      keys: ['input', 'messages'],
      summary: "vLLM's pooling",
      description: 'As /classify, in the form of a pooling model: the reward is the last number of `data`.',
      body: PoolingRequest,
      reply: PoolingReply,
      async answer(body, call) {
        oneOf(body, 'task', ['classify'])
        const encoding = oneOf(body, 'encoding_format', ['float', 'base64'])
        oneOf(body, 'embed_dtype', ['float32'])
        oneOf(body, 'endianness', ['native', 'little'])
        const rewards = await call.scorer.score(inputs(body), vllm, call)
        const data = rewards.map((item, index) => {
          const vector = vectorOf(item, isActivated(body))
          return {
            index,
            object: 'pooling',
            data: encoding === 'base64' ? base64(vector) : vector,
            ...errorOf(item)
          }
        })
        return listReply('pooling', data, rewards, call)
      }
    }),
    ...scoreRoutes
  ]
}

function inputs({ input, messages }: ClassifyRequest): ContractInput[] {
  if (messages !== undefined) return [readChatMessages(messages)]
  if (input !== undefined) return readPrompts(input)
  throw new ArmormError('invalid_request', 'the body must have "input" or "messages"')
}

/** The value of a field that may be left out or null. @throws ArmormError invalid_request with `details.param`. */
function oneOf(body: PoolingRequest, param: keyof PoolingRequest, allowed: readonly string[]): unknown {
  const value = body[param] ?? allowed[0]
  if (allowed.includes(value as string)) return value
  throw new ArmormError('invalid_request', `"${param}" must be one of ${allowed.join(', ')}`, { param })
}

function errorForm({ status: own, message, details }: ArmormError): ErrorForm {
  // What may be tried again must not look like the client's fault.
  const status = own === 429 || own === 408 ? 503 : own
  const param = typeof details['param'] === 'string' ? details['param'] : null
  return { status, body: { error: { message, type: TYPES[status] ?? 'BadRequestError', param, code: status } } }
}
