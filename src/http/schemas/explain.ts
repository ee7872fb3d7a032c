import { type Static, Type } from 'typebox'
import {
  CONVERSATION_EXAMPLE,
  InputId,
  MessagesInput,
  options,
  ResponseInput,
  TextInput,
  TokensInput
} from './inputs.js'
import { Model, Usage } from './results.js'

const closed = { additionalProperties: false }

/** One conversation, in any form but `responses`. */
export const ExplainRequest = Type.Union(
  [MessagesInput, ResponseInput, TextInput, TokensInput].map((form) =>
    Type.Object({ ...form.properties, ...options }, closed)
  ),
  { title: 'ExplainRequest', examples: [CONVERSATION_EXAMPLE] }
)

/** An object of any kind with the options: the rest is held against its form later. */
export const ExplainEnvelope = Type.Object(options)
export type ExplainEnvelope = Static<typeof ExplainEnvelope>

export const ExplainQuery = Type.Object({ prompt: Type.String(), response: Type.String(), ...options }, closed)

export const ExplainParams = Type.Object({
  explain_id: Type.String({ description: 'As a result of POST /score has it.' })
})

const ObjectiveExplanation = Type.Object(
  {
    name: Type.String(),
    source_set: Type.Union([Type.String(), Type.Null()], { description: 'Data set that the objective was rated on.' }),
    rating: Type.Number({ description: 'Raw output of the regression head.' }),
    native: Type.Union([Type.Object({ value: Type.Number(), low: Type.Number(), high: Type.Number() }), Type.Null()], {
      description: 'The rating on the scale of its data set; null where that scale is not known.'
    }),
    removed: Type.Number({ description: 'What the reward transform took out: rating - adjusted.' }),
    adjusted: Type.Number(),
    gating: Type.Number({ description: 'Gating weight.' }),
    contribution: Type.Number({ description: 'gating * adjusted; these sum to the score.' }),
    coefficient: Type.Number({
      description: 'Gating weights times the transposed transform: by how much the score moves with the raw rating.'
    })
  },
  { title: 'ObjectiveExplanation' }
)

export const ExplainReply = Type.Object(
  {
    id: Type.Optional(InputId),
    explain_id: Type.Optional(Type.String()),
    model: Model,
    score: Type.Number(),
    uniform_score: Type.Number({ description: 'The score if every objective had the same gating weight.' }),
    gate: Type.Object({
      effective_objectives: Type.Number({
        description: 'exp of the entropy of the normalised gating weights: 1 for one objective, K for an even gate.'
      }),
      sum: Type.Number({ description: 'What the gating weights sum to: the logit scale.' })
    }),
    top: Type.Array(
      Type.Object({
        name: Type.String(),
        contribution: Type.Number(),
        share: Type.Number({ description: 'Part of the sum of all magnitudes; negative where it lowers the score.' })
      }),
      { description: 'The largest contributions by magnitude.' }
    ),
    objectives: Type.Array(ObjectiveExplanation),
    usage: Usage,
    truncated: Type.Boolean()
  },
  { title: 'ExplainReply' }
)
export type ExplainReply = Static<typeof ExplainReply>
