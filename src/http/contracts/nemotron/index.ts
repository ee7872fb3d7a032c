/**
 * Reward models behind OpenAI's chat completions, as NVIDIA's NIM serves Nemotron reward models: the numbers are in
 * `message.content`, and as log probabilities of tokens that are their names, which NeMo Curator reads. OpenAI's client
 * tries 408, 409, 429, 5xx and lost connections twice more, after the pause that `Retry-After` asks for.
 */
import { type Static, Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { HINT } from '../../validation.js'
import { ChatMessages, readChatMessages } from '../chat-messages.js'
import { type Contract, contractRoute } from '../contract.js'
import { errorOf, itemError, openAiUsage } from '../item-replies.js'

const ChatCompletionRequest = Type.Object(
  {
    model: Type.Optional(Type.Unknown({ description: 'Not looked at.' })),
    messages: ChatMessages,
    stream: Type.Optional(Type.Unknown({ description: 'Must not be true: there is one reply, and no text.' })),
    n: Type.Optional(Type.Unknown({ description: '1 or nothing: an answer has one score.' }))
  },
  {
    title: 'ChatCompletionRequest',
    [HINT]: 'send {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}',
    examples: [
      {
        model: 'reward-model',
        messages: [
          { role: 'user', content: 'How much is 2+2?' },
          { role: 'assistant', content: '4' }
        ]
      }
    ]
  }
)

const TokenLogprob = Type.Object(
  {
    token: Type.String({ description: 'Name of an objective, or `reward`.' }),
    logprob: Type.Number({ description: 'Its rating, or the reward.' }),
    bytes: Type.Null(),
    top_logprobs: Type.Array(Type.Unknown(), { maxItems: 0 })
  },
  { title: 'TokenLogprob' }
)

const ChatCompletion = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('chat.completion'),
    created: Type.Integer(),
    model: Type.String(),
    choices: Type.Array(
      Type.Object({
        index: Type.Integer(),
        message: Type.Object({
          role: Type.Literal('assistant'),
          content: Type.String({ description: '`name:number`, with commas between them; `reward` is the last.' }),
          refusal: Type.Null()
        }),
        logprobs: Type.Object({ content: Type.Array(TokenLogprob), refusal: Type.Null() }),
        finish_reason: Type.Literal('stop'),
        error: itemError
      })
    ),
    usage: Type.Object({
      prompt_tokens: Type.Integer(),
      completion_tokens: Type.Integer(),
      total_tokens: Type.Integer()
    })
  },
  { title: 'ChatCompletion' }
)

const OpenAiError = Type.Object(
  {
    error: Type.Object({
      message: Type.String(),
      type: Type.String(),
      param: Type.Union([Type.String(), Type.Null()]),
      code: Type.String()
    })
  },
  { title: 'OpenAiError' }
)

/** What the reward is called among the objectives. */
const REWARD = 'reward'

export const nemotron: Contract = {
  protocol: 'nemotron',
  tag: { name: 'Chat completions', description: 'Reward models behind OpenAI chat completions: NIM, NeMo Curator.' },
  errorSchema: OpenAiError,
  errorForm: ({ code, message, details }, status) => {
    const param = typeof details['param'] === 'string' ? details['param'] : null
    const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error'
    return { status, body: { error: { message, type, param, code } } }
  },
  routes: [
    contractRoute({
      url: '/v1/chat/completions',
      keys: ['messages'],
      summary: 'The reward and its objectives as a chat completion',
      description:
        'The last message is the answer to rate. Nothing is generated: what a request says of sampling is not looked at.',
      body: ChatCompletionRequest,
      reply: ChatCompletion,
      async answer(body, call) {
        requireOne(body)
        const rewards = await call.scorer.score([readChatMessages(body.messages)], nemotron, call)
        const choices = rewards.map((item, index) => {
          const named = call.scorer.extraNames.map((name, k) => [name, item.extras[k] ?? 0] as const)
          const numbers = [...named, [REWARD, item.reward] as const]
          // Clients split at commas, and each part at its colon.
          const content = numbers.map(([name, value]) => `${name.replace(/[,:]/g, '_')}:${value}`).join(',')
          const tokens = numbers.map(([token, logprob]) => ({ token, logprob, bytes: null, top_logprobs: [] }))
          return {
            index,
            message: { role: 'assistant', content, refusal: null },
            logprobs: { content: tokens, refusal: null },
            finish_reason: 'stop',
            ...errorOf(item)
          }
        })
        const { prompt_tokens, total_tokens } = openAiUsage(rewards)
        return {
          id: `chatcmpl-${call.id}`,
          object: 'chat.completion',
          created: Math.floor(Date.now() / 1000),
          model: call.services.manifest.model.name,
          choices,
          usage: { prompt_tokens, completion_tokens: 0, total_tokens }
        }
      }
    })
  ]
}

/** @throws ArmormError invalid_request with `details.param`, where a request cannot have what it asks for. */
function requireOne({ stream, n }: Static<typeof ChatCompletionRequest>): void {
  if (stream !== undefined && stream !== null && stream !== false) {
    throw new ArmormError('invalid_request', '"stream" must be false: a reward is one number', { param: 'stream' })
  }
  if (n !== undefined && n !== null && n !== 1) {
    throw new ArmormError('invalid_request', '"n" must be 1: an answer has one reward', { param: 'n' })
  }
}
