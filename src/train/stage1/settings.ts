/** Settings of `armorm train stage1`. */
import { type Static, Type } from 'typebox'

export const Stage1Settings = Type.Object({}, { additionalProperties: false, default: {} })
export type Stage1Settings = Static<typeof Stage1Settings>

/** Objectives that no file rates, computed from what is known of a row. */
export const DerivedObjectives = Type.Array(
  Type.Object(
    {
      name: Type.String({ minLength: 1 }),
      from: Type.Enum(['response_tokens', 'response_characters']),
      low: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
      high: Type.Optional(Type.Number({ exclusiveMinimum: 0 }))
    },
    { additionalProperties: false }
  ),
  { default: [], description: 'objectives that no file rates: log of the length, 0 at `low` and 1 at `high`' }
)
