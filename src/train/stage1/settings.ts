/** Settings of `armorm train stage1`. */
import { type Static, Type } from 'typebox'

export const Stage1Settings = Type.Object(
  {
    alphas: Type.Array(Type.Number({ exclusiveMinimum: 0 }), {
      minItems: 1,
      uniqueItems: true,
      default: [1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1e3, 1e4],
      description:
        "strengths of ridge regression that are tried; each objective takes the one with the least error on the validation split's rows"
    }),
    validation: Type.Number({
      exclusiveMinimum: 0,
      maximum: 0.9,
      default: 0.2,
      description: 'share of the keys whose rows are the validation split'
    }),
    refit: Type.Boolean({
      default: true,
      description: 'whether the weights are fitted once more, with the chosen alphas, on training and validation rows'
    }),
    min_rows: Type.Integer({
      minimum: 2,
      default: 20,
      description: 'labelled training rows that an objective needs'
    })
  },
  { additionalProperties: false, default: {} }
)
export type Stage1Settings = Static<typeof Stage1Settings>

export const DerivedObjective = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    from: Type.Enum(['response_tokens', 'response_characters']),
    low: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'length whose label is 0; default: the 1st percentile over the rows that are not held out'
      })
    ),
    high: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'length whose label is 1; default: the 99th percentile over the rows that are not held out'
      })
    )
  },
  { additionalProperties: false }
)
export type DerivedObjective = Static<typeof DerivedObjective>

/** Objectives that no file rates, computed from what is known of a row. */
export const DerivedObjectives = Type.Optional(
  Type.Array(DerivedObjective, {
    description:
      'objectives that no file rates: logarithm of the length, 0 at `low` and below, 1 at `high` and above; without it `verbosity`, from the tokens of the response, unless a file rates that'
  })
)
