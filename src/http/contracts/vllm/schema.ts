import { type Static, Type } from 'typebox'
import { ChatMessages } from '../chat-messages.js'
import { itemError } from '../item-replies.js'
import { Prompts } from '../prompts.js'
import { Vector } from '../vector.js'

export const maybe = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]))

/** Fields that vLLM knows and that mean nothing here are not looked at, as vLLM does with those it does not know. */
const common = {
  model: Type.Optional(Type.Unknown({ description: 'Not looked at: verl sends a path of its own.' })),
  input: Type.Optional(Prompts),
  messages: Type.Optional(ChatMessages),
  use_activation: maybe,
  activation: maybe
}

export const ClassifyRequest = Type.Object(common, {
  title: 'VllmClassifyRequest',
  examples: [
    {
      model: 'reward-model',
      input: '<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n',
      use_activation: false
    }
  ]
})
export type ClassifyRequest = Static<typeof ClassifyRequest>

export const PoolingRequest = Type.Object(
  {
    ...common,
    task: Type.Optional(Type.Unknown({ description: '`classify` or nothing: there are no values of single tokens.' })),
    encoding_format: Type.Optional(Type.Unknown({ description: '`float` (default) or `base64`.' })),
    embed_dtype: Type.Optional(Type.Unknown({ description: '`float32` (default).' })),
    endianness: Type.Optional(Type.Unknown({ description: '`native` (default) or `little`.' }))
  },
  { title: 'VllmPoolingRequest' }
)
export type PoolingRequest = Static<typeof PoolingRequest>

const Usage = Type.Object(
  {
    prompt_tokens: Type.Integer(),
    total_tokens: Type.Integer(),
    completion_tokens: Type.Integer(),
    prompt_tokens_details: Type.Null(),
    completion_tokens_details: Type.Null()
  },
  { title: 'VllmUsage' }
)

export const list = {
  id: Type.String(),
  object: Type.Literal('list'),
  created: Type.Integer(),
  model: Type.String(),
  usage: Usage
}

export const ClassifyReply = Type.Object(
  {
    ...list,
    data: Type.Array(
      Type.Object({
        index: Type.Integer(),
        label: Type.String(),
        probs: Vector,
        num_classes: Type.Integer(),
        error: itemError
      })
    )
  },
  { title: 'VllmClassifyReply' }
)

export const PoolingReply = Type.Object(
  {
    ...list,
    data: Type.Array(
      Type.Object({
        index: Type.Integer(),
        object: Type.Literal('pooling'),
        data: Type.Union([Vector, Type.String()]),
        error: itemError
      })
    )
  },
  { title: 'VllmPoolingReply' }
)

export const VllmError = Type.Object(
  {
    error: Type.Object({
      message: Type.String(),
      type: Type.String(),
      param: Type.Union([Type.String(), Type.Null()]),
      code: Type.Integer()
    })
  },
  { title: 'VllmError' }
)
