/**
 * SGLang with a reward model, `srt/entrypoints/http_server.py` 0.5: its native /classify, and /v1/embeddings, which verl
 * reads. verl tries 5xx and lost connections again, and gives up at once on any 4xx.
 */
import { type Static, Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { type Call, type Contract, contractRoute } from '../contract.js'
import { errorOf, itemError, openAiUsage } from '../item-replies.js'
import { isOne, Prompts, readPrompts } from '../prompts.js'
import type { ContractReward } from '../scoring.js'
import { base64, Vector, vectorOf } from '../vector.js'

const EmbeddingsRequest = Type.Object(
  {
    model: Type.Optional(Type.Unknown({ description: 'Not looked at: verl sends a path of its own.' })),
    input: Prompts,
    encoding_format: Type.Optional(Type.Enum(['float', 'base64'], { default: 'float' }))
  },
  {
    title: 'SglangEmbeddingsRequest',
    examples: [
      {
        model: 'reward-model',
        input: '<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n'
      }
    ]
  }
)

const EmbeddingsReply = Type.Object(
  {
    object: Type.Literal('list'),
    data: Type.Array(
      Type.Object({
        object: Type.Literal('embedding'),
        embedding: Type.Union([Vector, Type.String()]),
        index: Type.Integer(),
        error: itemError
      })
    ),
    model: Type.String(),
    usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() })
  },
  { title: 'SglangEmbeddingsReply' }
)

const NativeRequest = Type.Object(
  {
    text: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String()), Type.Null()])),
    input_ids: Type.Optional(
      Type.Union([Type.Array(Type.Integer()), Type.Array(Type.Array(Type.Integer())), Type.Null()])
    ),
    rid: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String()), Type.Null()]))
  },
  { title: 'SglangClassifyRequest' }
)
type NativeRequest = Static<typeof NativeRequest>

const NativeItem = Type.Object(
  {
    embedding: Vector,
    meta_info: Type.Object({
      id: Type.String(),
      finish_reason: Type.Null(),
      prompt_tokens: Type.Integer(),
      e2e_latency: Type.Number({ description: 'Seconds.' })
    }),
    error: itemError
  },
  { title: 'SglangItem' }
)

export const sglang: Contract = {
  protocol: 'sglang',
  tag: { name: 'SGLang', description: "SGLang's reward models; verl with SGLang." },
  errorSchema: Type.Object({ error: Type.Object({ message: Type.String() }) }, { title: 'SglangError' }),
  errorForm: ({ code, message }, status) => ({ status, body: { error: { message, code } } }),
  // What may be tried again must not look like the client's fault.
  refusals: { 408: 503, 429: 503 },
  routes: [
    contractRoute({
      url: '/v1/embeddings',
      keys: ['input'],
      summary: "Rewards as OpenAI's embeddings",
      description: 'The reward is the last number of `embedding`.',
      body: EmbeddingsRequest,
      reply: EmbeddingsReply,
      async answer({ input, encoding_format: encoding }, call) {
        const rewards = await call.scorer.score(readPrompts(input), sglang, call)
        const data = rewards.map((item, index) => {
          const vector = vectorOf(item, false)
          return {
            object: 'embedding',
            embedding: encoding === 'base64' ? base64(vector) : vector,
            index,
            ...errorOf(item)
          }
        })
        return { object: 'list', data, model: call.services.manifest.model.name, usage: openAiUsage(rewards) }
      }
    }),
    contractRoute({
      method: ['POST', 'PUT'],
      url: '/classify',
      keys: ['text', 'input_ids'],
      summary: "SGLang's own classification",
      description: 'One text has one object as reply, a list has a list. The reward is the last number of `embedding`.',
      body: NativeRequest,
      reply: Type.Union([NativeItem, Type.Array(NativeItem)]),
      async answer(body, call) {
        const started = performance.now()
        const prompts = body.text ?? body.input_ids
        if (!prompts) throw new ArmormError('invalid_request', 'the body must have "text" or "input_ids"')
        const rewards = await call.scorer.score(readPrompts(prompts), sglang, call)
        const seconds = Math.round(performance.now() - started) / 1000
        const items = rewards.map((item, i) => nativeItem(item, idOf(body, call, i), seconds))
        return isOne(prompts) ? items[0] : items
      }
    })
  ]
}

function idOf({ rid }: NativeRequest, { id }: Call, place: number): string {
  return (typeof rid === 'string' ? rid : rid?.[place]) ?? `${id}-${place}`
}

function nativeItem(item: ContractReward, id: string, seconds: number) {
  const meta = { id, finish_reason: null, prompt_tokens: item.tokens, e2e_latency: seconds }
  return { embedding: vectorOf(item, false), meta_info: meta, ...errorOf(item) }
}
