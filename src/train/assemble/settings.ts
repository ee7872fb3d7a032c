/** Settings of `armorm train assemble`. */
import { type Static, Type } from 'typebox'

const Stated = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))

export const AssembleSettings = Type.Object(
  {
    name: Stated("name of the model, `_name_or_path` of config.json; without it the output folder's"),
    base_model: Stated("the backbone's name on the hub, for the model card"),
    licence: Stated('licence of the weights, for the model card: an SPDX identifier, or one of the hub'),
    language: Stated('language of the data, for the model card: ISO 639-1'),
    shard_gigabytes: Type.Number({
      exclusiveMinimum: 0,
      default: 5,
      description: 'most that one file of weights takes, in units of 10^9 bytes'
    })
  },
  { additionalProperties: false, default: {} }
)
export type AssembleSettings = Static<typeof AssembleSettings>
