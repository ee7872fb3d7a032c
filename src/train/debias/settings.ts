/** Settings of `armorm train debias`. */
import { type Static, Type } from 'typebox'

export const DebiasSettings = Type.Object(
  {
    removed: Type.Array(Type.String({ minLength: 1 }), {
      uniqueItems: true,
      default: ['verbosity'],
      description: 'objectives whose part is taken out of all others; [] leaves the ratings as they are'
    }),
    rule: Type.Enum(['bisect', 'grid'], {
      default: 'bisect',
      description:
        "how penalties are found: the smallest that brings the correlation's magnitude to the threshold, or the first of the paper's 24 that brings the correlation under it"
    }),
    threshold: Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.03,
      description: "Spearman's correlation with a removed objective that is allowed"
    }),
    allow_negative: Type.Boolean({
      default: false,
      description: 'whether objectives that go against a removed one are lifted, by negative penalties (rule bisect)'
    })
  },
  { additionalProperties: false, default: {} }
)
export type DebiasSettings = Static<typeof DebiasSettings>
