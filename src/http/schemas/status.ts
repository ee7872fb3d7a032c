/** Probes and the list of models. */
import { Type } from 'typebox'
import { Model } from './results.js'

export const Alive = Type.Object({ status: Type.Literal('alive') })

export const Ready = Type.Object({ status: Type.Literal('ready') })

export const Health = Type.Object(
  {
    status: Type.Literal('ready'),
    model: Model,
    engine: Type.Object({ state: Type.String(), restarts: Type.Integer() })
  },
  { title: 'Health' }
)

export const Models = Type.Object(
  {
    object: Type.Literal('list'),
    models: Type.Array(Type.String(), { description: "Names alone: KServe's form of this list." }),
    data: Type.Array(
      Type.Object({
        id: Type.String(),
        object: Type.Literal('model'),
        created: Type.Integer({ description: 'When the model was loaded, in seconds since 1970.' }),
        owned_by: Type.String(),
        revision: Type.String(),
        source: Type.String(),
        licence: Type.Union([Type.String(), Type.Null()]),
        precision: Type.String(),
        provider: Type.String(),
        max_tokens: Type.Integer(),
        tokenizer: Type.Boolean({ description: 'Without one, only `input_ids` can be scored.' }),
        logit_scale: Type.Number(),
        objectives: Type.Array(
          Type.Object({ name: Type.String(), source_set: Type.Union([Type.String(), Type.Null()]) })
        )
      })
    )
  },
  { title: 'Models' }
)
