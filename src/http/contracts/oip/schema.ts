/** Bodies of the Open Inference Protocol, version 2 (KServe's `specification/protocol/inference_rest.md`). */
import { type Static, Type } from 'typebox'
import { HINT } from '../../validation.js'

const Parameters = Type.Record(Type.String(), Type.Unknown())

export const RequestTensor = Type.Object(
  {
    name: Type.String(),
    shape: Type.Array(Type.Integer({ minimum: 0 }), { description: '`[n]` or `[n, 1]`; of `tokens` `[n, L]`.' }),
    datatype: Type.String({ description: '`BYTES`; of `tokens` and `sequence_lengths` an integer type.' }),
    parameters: Type.Optional(Parameters),
    data: Type.Optional(Type.Array(Type.Unknown(), { description: 'Elements in rows, flat or nested.' }))
  },
  { title: 'OipRequestTensor' }
)
export type RequestTensor = Static<typeof RequestTensor>

export const RequestedOutput = Type.Object(
  { name: Type.String(), parameters: Type.Optional(Parameters) },
  { title: 'OipRequestedOutput' }
)
export type RequestedOutput = Static<typeof RequestedOutput>

/** Fields that others know and that mean nothing here are not looked at. */
export const InferRequest = Type.Object(
  {
    id: Type.Optional(Type.String()),
    parameters: Type.Optional(Parameters),
    inputs: Type.Array(RequestTensor, {
      description: '`text`; or `prompt` and `response`; or `messages`; or `tokens`.'
    }),
    outputs: Type.Optional(Type.Array(RequestedOutput, { description: 'All outputs when left out or empty.' }))
  },
  {
    title: 'OipInferRequest',
    [HINT]: 'send {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["..."]}]}',
    examples: [
      {
        id: '42',
        inputs: [
          { name: 'prompt', shape: [1], datatype: 'BYTES', data: ['How much is 2+2?'] },
          { name: 'response', shape: [1], datatype: 'BYTES', data: ['4'] }
        ],
        outputs: [{ name: 'reward' }]
      }
    ]
  }
)
export type InferRequest = Static<typeof InferRequest>

const Name = Type.String()
const Version = Type.Literal('1')

const ReplyTensor = Type.Object(
  {
    name: Type.String(),
    shape: Type.Array(Type.Integer()),
    datatype: Type.Enum(['FP32', 'BOOL', 'BYTES']),
    parameters: Type.Optional(Parameters),
    data: Type.Optional(
      Type.Union([Type.Array(Type.Number()), Type.Array(Type.Boolean()), Type.Array(Type.String())], {
        description: 'In rows, flat.'
      })
    )
  },
  { title: 'OipReplyTensor' }
)
export type ReplyTensor = Static<typeof ReplyTensor>

export const InferReply = Type.Object(
  {
    model_name: Name,
    model_version: Version,
    id: Type.Optional(Type.String({ description: "The request's own; absent when it had none." })),
    outputs: Type.Array(ReplyTensor)
  },
  { title: 'OipInferReply' }
)
export type InferReply = Static<typeof InferReply>

export const ServerMetadata = Type.Object(
  { name: Type.String(), version: Type.String(), extensions: Type.Array(Type.String()) },
  { title: 'OipServerMetadata' }
)

export const Live = Type.Object({ live: Type.Literal(true) })
export const Ready = Type.Object({ ready: Type.Literal(true) })
export const ModelReady = Type.Object({ name: Name, ready: Type.Literal(true) })

const TensorMetadata = Type.Object({
  name: Type.String(),
  datatype: Type.String(),
  shape: Type.Array(Type.Integer(), { description: '-1: any size.' })
})

export const ModelMetadata = Type.Object(
  {
    name: Name,
    versions: Type.Array(Version),
    platform: Type.String(),
    inputs: Type.Array(TensorMetadata),
    outputs: Type.Array(TensorMetadata)
  },
  { title: 'OipModelMetadata' }
)

const TensorConfig = Type.Object({
  name: Type.String(),
  data_type: Type.String(),
  dims: Type.Array(Type.Integer(), { description: 'Without the dimension of the batch.' }),
  optional: Type.Optional(Type.Boolean())
})

export const ModelConfig = Type.Object(
  {
    name: Name,
    platform: Type.String(),
    backend: Type.String(),
    max_batch_size: Type.Integer(),
    input: Type.Array(TensorConfig),
    output: Type.Array(TensorConfig),
    model_transaction_policy: Type.Object({ decoupled: Type.Literal(false) }),
    parameters: Type.Record(Type.String(), Type.Object({ string_value: Type.String() }), {
      description: '`objectives`: their names in the order of the outputs, with commas; `revision`: of the model.'
    })
  },
  { title: 'OipModelConfig' }
)

export const RepositoryIndex = Type.Array(
  Type.Object({
    name: Name,
    version: Version,
    state: Type.Enum(['READY', 'UNAVAILABLE']),
    reason: Type.String()
  }),
  { title: 'OipRepositoryIndex' }
)

export const OipError = Type.Object(
  { error: Type.String({ description: '`code: message`; docs/errors.md explains each code.' }) },
  { title: 'OipError' }
)
