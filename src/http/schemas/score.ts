import { type Static, Type } from 'typebox'
import { Input, InputId, options } from './inputs.js'
import { HINT } from '../validation.js'
import { CONVERSATION_EXAMPLE } from './inputs.js'
import { ErrorBody, Model, Usage } from './results.js'

/** What a caller can ask for; `score` and `truncated` are always there. */
export const RETURNABLE = ['score', 'explain_id', 'ratings', 'gating', 'contributions', 'usage', 'timing'] as const
export type Returnable = (typeof RETURNABLE)[number]

const fields = {
  return: Type.Optional(
    Type.Array(Type.Enum([...RETURNABLE]), {
      description: 'Which parts the reply holds; all of them by default. Score and truncated are always there.'
    })
  ),
  on_error: Type.Optional(
    Type.Enum(['request', 'item'], {
      default: 'request',
      description: '`request`: one bad conversation refuses all. `item`: its error takes its place.'
    })
  ),
  ...options
}

export const ScoreRequest = Type.Object(
  { inputs: Type.Array(Input), ...fields },
  { additionalProperties: false, title: 'ScoreRequest', examples: [{ inputs: [CONVERSATION_EXAMPLE] }] }
)

/** ScoreRequest with inputs of any kind: each is held against its own form later, so that errors name its index. */
export const ScoreEnvelope = Type.Object(
  { inputs: Type.Array(Type.Unknown()), ...fields },
  { additionalProperties: false, [HINT]: 'send {"inputs": [{"messages": [...]}, ...]}' }
)
export type ScoreEnvelope = Static<typeof ScoreEnvelope>

const byObjective = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.Number(), { description: `${description}, by objective.` }))

const Result = Type.Object(
  {
    id: Type.Optional(InputId),
    explain_id: Type.Optional(
      Type.Union([Type.String(), Type.Null()], {
        description: 'For GET /explain/{explain_id}; null when none is kept.'
      })
    ),
    score: Type.Number({ description: 'Sum over objectives of gating weight times adjusted rating.' }),
    ratings: byObjective('Raw outputs of the regression head'),
    gating: byObjective('Gating weights; they sum to the logit scale'),
    contributions: byObjective('Gating weight times adjusted rating; they sum to the score'),
    usage: Type.Optional(Usage),
    truncated: Type.Boolean({ description: 'Whether tokens of the prompt were cut.' })
  },
  { title: 'Result' }
)

const Failure = Type.Object({ id: Type.Optional(InputId), error: ErrorBody }, { title: 'Failure' })

const Nested = Type.Object(
  {
    id: Type.Optional(InputId),
    results: Type.Array(Type.Union([Result, Failure]))
  },
  { title: 'NestedResults', description: 'Results of an input with `responses`, in their order.' }
)

export const ScoreReply = Type.Object(
  {
    model: Model,
    results: Type.Array(Type.Union([Result, Nested, Failure]), { description: 'One an input, in their order.' }),
    usage: Type.Optional(Usage),
    timing: Type.Optional(
      Type.Object(
        {
          tokenize_ms: Type.Number(),
          queue_ms: Type.Number({ description: 'Of the conversation that finished last.' }),
          run_ms: Type.Number({ description: 'Of the batch that finished last.' }),
          total_ms: Type.Number()
        },
        { title: 'Timing', description: 'Milliseconds.' }
      )
    )
  },
  { title: 'ScoreReply' }
)
export type ScoreReply = Static<typeof ScoreReply>
export type Result = Static<typeof Result>
export type Failure = Static<typeof Failure>
export type Nested = Static<typeof Nested>
