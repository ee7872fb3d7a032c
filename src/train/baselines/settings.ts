/** Settings of `armorm train baselines`. */
import { type Static, Type } from 'typebox'

export const BaselinesSettings = Type.Object(
  {
    l2: Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 1e6 }), {
      minItems: 1,
      uniqueItems: true,
      default: [1e-4, 1e-3, 1e-2, 0.1, 1],
      description:
        "strengths of the linear head's penalty that are tried, beside the mean square of a state's difference; the one with the least loss on the validation pairs is taken"
    }),
    compare: Type.Array(Type.String({ minLength: 1 }), {
      uniqueItems: true,
      default: [],
      description: 'folders of checkpoints whose heads are compared too; they may have seen the test pairs'
    }),
    resamples: Type.Integer({
      minimum: 100,
      maximum: 1_000_000,
      default: 2000,
      description: 'bootstrap samples of the prompts'
    }),
    confidence: Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      default: 0.95,
      description: 'share of the samples that an interval covers'
    })
  },
  { additionalProperties: false, default: {} }
)
export type BaselinesSettings = Static<typeof BaselinesSettings>
