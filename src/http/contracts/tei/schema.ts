/** Bodies of text-embeddings-inference, `router/src/http/types.rs` and `router/src/lib.rs`. */
import { type Static, Type } from 'typebox'
import { itemError } from '../item-replies.js'

const maybe = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]))

/** Long prompts are always cut, from the left. */
const common = {
  raw_scores: Type.Optional(
    Type.Union([Type.Boolean(), Type.Null()], {
      description: 'true: the reward. Otherwise the score, calibrated to 0..1.'
    })
  ),
  truncate: Type.Optional(Type.Unknown({ description: 'Not looked at.' })),
  truncation_direction: Type.Optional(Type.Unknown({ description: 'Not looked at.' }))
}

/** One text, or prompt and response. */
const Sequence = Type.Array(Type.String(), { minItems: 1, maxItems: 2 })

export const PredictRequest = Type.Object(
  {
    inputs: Type.Union([Type.String(), Sequence, Type.Array(Sequence, { minItems: 1 })], {
      description:
        'One rendered text `"t"` or `["t"]`; one pair `["prompt", "response"]`; or a list of such lists: `[["t"], ["prompt", "response"]]`.'
    }),
    ...common
  },
  { title: 'TeiPredictRequest', examples: [{ inputs: ['How much is 2+2?', '4'], raw_scores: true }] }
)
export type PredictRequest = Static<typeof PredictRequest>

const Prediction = Type.Object(
  { score: Type.Number(), label: Type.Literal('score'), error: itemError },
  { title: 'TeiPrediction' }
)
export type Prediction = Static<typeof Prediction>

export const PredictReply = Type.Union([Type.Array(Prediction), Type.Array(Type.Array(Prediction))], {
  title: 'TeiPredictReply',
  description: 'For a text or a pair a list of one label; for a list of them a list of such lists.'
})

export const RerankRequest = Type.Object(
  {
    query: Type.String({ description: 'The prompt.' }),
    texts: Type.Array(Type.String(), { description: 'Responses to it.' }),
    return_text: maybe,
    ...common
  },
  { title: 'TeiRerankRequest', examples: [{ query: 'How much is 2+2?', texts: ['5', '4'] }] }
)
export type RerankRequest = Static<typeof RerankRequest>

export const RerankReply = Type.Array(
  Type.Object({
    index: Type.Integer({ description: 'Place in `texts`.' }),
    text: Type.Optional(Type.String()),
    score: Type.Number(),
    error: itemError
  }),
  { title: 'TeiRerankReply', description: 'The best first.' }
)

export const Info = Type.Object(
  {
    model_id: Type.String(),
    model_sha: Type.String({ description: "The model's revision." }),
    model_dtype: Type.String(),
    served_model_name: Type.String(),
    model_type: Type.Object({
      reranker: Type.Object({
        id2label: Type.Record(Type.String(), Type.String()),
        label2id: Type.Record(Type.String(), Type.Integer())
      })
    }),
    max_input_length: Type.Integer({ description: 'Tokens of a conversation.' }),
    max_client_batch_size: Type.Integer(),
    auto_truncate: Type.Literal(true),
    version: Type.String()
  },
  { title: 'TeiInfo' }
)

export const TeiError = Type.Object(
  {
    error: Type.String({ description: '`code: message`; docs/errors.md explains each code.' }),
    error_type: Type.Enum(['Unhealthy', 'Backend', 'Validation', 'Empty'])
  },
  { title: 'TeiError' }
)
