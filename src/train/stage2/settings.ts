/** Settings of `armorm train stage2`, and of the ablations. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const

const gate = {
  layers: Type.Integer({ minimum: 0, maximum: 16, default: 3, description: 'hidden layers of the gate' }),
  width: Type.Integer({ minimum: 1, maximum: 16_384, default: 1024, description: 'width of its hidden layers' }),
  temperature: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1000,
    default: 10,
    description: 'divides the logits before the softmax'
  }),
  logit_scale: Type.Union([Type.Literal('fitted'), Type.Number({ exclusiveMinimum: 0, maximum: 1e6 })], {
    default: 'fitted',
    description:
      'first value of the learned factor of all weights; fitted: the factor with which equal weights predict the pairs best'
  }),
  learning_rate: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    default: 0.001,
    description: 'of AdamW at the first step; it falls to 0 along a cosine'
  }),
  weight_decay: Type.Number({ minimum: 0, maximum: 100, default: 0, description: 'of matrices, decoupled' }),
  dropout: Type.Number({
    minimum: 0,
    maximum: 0.95,
    default: 0.2,
    description: 'share of the hidden units that are dropped at each step'
  }),
  steps: Type.Integer({ minimum: 1, maximum: 10_000_000, default: 2000, description: 'steps at most' }),
  batch: Type.Integer({ minimum: 1, maximum: 1_048_576, default: 1024, description: 'pairs of a step' }),
  evaluate_every: Type.Integer({
    minimum: 1,
    maximum: 10_000_000,
    default: 50,
    description: 'steps between two looks at the validation pairs'
  }),
  patience: Type.Integer({
    minimum: 0,
    maximum: 1_000_000,
    default: 10,
    description: 'looks without a better gate after which training stops; 0: never'
  }),
  keep: Type.Enum(['loss', 'accuracy'], {
    default: 'loss',
    description: 'by what the best gate is chosen on the validation pairs'
  }),
  margins: Type.Enum(['ignore', 'weigh'], {
    default: 'ignore',
    description: 'weigh: a pair counts by its margin, one without margin as the mean'
  })
}

/** What decides a single gate. */
export const GateSettings = Type.Object(gate, closed)
export type GateSettings = Static<typeof GateSettings>

/** Keys of a section of the settings. They are checked with the rest of it: a schema of them would fill in defaults. */
const Changes = Type.Record(Type.String({ minLength: 1 }), Type.Unknown())

const Ablation = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    stage2: Type.Optional(Changes),
    debias: Type.Optional(Changes),
    reference: Type.Optional(
      Type.Enum(['reference', 'preferences'], { description: 'the set by whose responses ratings are debiased' })
    )
  },
  closed
)
export type Ablation = Static<typeof Ablation>

const DEFAULT_ABLATIONS: Ablation[] = [
  { name: 'no hidden layer', stage2: { layers: 0 } },
  { name: '1 hidden layer', stage2: { layers: 1 } },
  { name: 'width 64', stage2: { width: 64 } },
  { name: 'width 256', stage2: { width: 256 } },
  { name: 'temperature 1', stage2: { temperature: 1 } },
  { name: 'temperature 3', stage2: { temperature: 3 } },
  { name: 'first scale 1', stage2: { logit_scale: 1 } },
  { name: 'first scale 100', stage2: { logit_scale: 100 } },
  { name: 'no dropout', stage2: { dropout: 0 } },
  { name: 'no debiasing', debias: { removed: [] } },
  { name: 'debiasing threshold 0.1', debias: { threshold: 0.1 } },
  { name: 'debiasing by the preferences', reference: 'preferences' }
]

export const Stage2Settings = Type.Object(
  {
    validation_share: Type.Number({
      exclusiveMinimum: 0,
      maximum: 0.5,
      default: 0.1,
      description: 'share of the prompts by whose pairs gates and baselines are chosen'
    }),
    test_share: Type.Number({
      exclusiveMinimum: 0,
      maximum: 0.5,
      default: 0.2,
      description:
        'share of the prompts whose pairs are looked at for the tables only; not used where rows state their split'
    }),
    ...gate,
    seeds: Type.Array(Type.Integer({ minimum: 0, maximum: 0xffffffff }), {
      uniqueItems: true,
      default: [],
      description: "a gate is trained for each, and the best kept; []: the settings' `seed`"
    }),
    ablations: Type.Array(Ablation, {
      default: DEFAULT_ABLATIONS,
      description: 'variants that `armorm train ablate` trains and compares'
    })
  },
  { ...closed, default: {} }
)
export type Stage2Settings = Static<typeof Stage2Settings>
