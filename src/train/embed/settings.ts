/** Settings of the data, and of `armorm train embed`. */
import { type Static, Type } from 'typebox'

/** A scale that ratings are brought from to 0..1: its ends, HelpSteer's 0..4 as (r + 0.5) / 5, or true and false. */
export const Scale = Type.Union([Type.Tuple([Type.Number(), Type.Number()]), Type.Enum(['helpsteer', 'boolean'])])

export type Scale = Static<typeof Scale>

const RatingColumn = Type.Object(
  {
    column: Type.String({ minLength: 1 }),
    scale: Type.Optional(Scale),
    out_of_range: Type.Optional(Type.Enum(['error', 'clip']))
  },
  { additionalProperties: false }
)

const Column = Type.Optional(Type.String({ minLength: 1 }))

const FileColumns = Type.Object(
  {
    match: Type.String({ minLength: 1, description: 'file names it is for; * stands for any characters' }),
    prompt: Column,
    response: Column,
    chosen: Column,
    rejected: Column,
    key: Column,
    source: Column,
    category: Column,
    split: Column,
    margin: Column,
    ratings: Type.Optional(Type.Record(Type.String({ minLength: 1 }), RatingColumn))
  },
  { additionalProperties: false }
)
export type FileColumns = Static<typeof FileColumns>

export const DataSettings = Type.Object(
  {
    columns: Type.Object(
      { files: Type.Array(FileColumns, { default: [] }) },
      { additionalProperties: false, default: {}, description: 'where files of other forms have their fields' }
    ),
    out_of_range: Type.Enum(['error', 'clip'], {
      default: 'error',
      description: 'what becomes of a rating outside its scale'
    }),
    split: Type.Enum(['all', 'train', 'heldout'], {
      default: 'all',
      description: 'rows to take by the split that they state; rows that state none are always taken'
    }),
    max_rows: Type.Integer({ minimum: 0, default: 0, description: 'rows of each set at most; 0: all' }),
    max_rows_per_source: Type.Integer({
      minimum: 0,
      default: 0,
      description: 'rows of each set from one source at most; 0: all'
    })
  },
  { additionalProperties: false, default: {} }
)
export type DataSettings = Static<typeof DataSettings>

export const EmbedSettings = Type.Object(
  {
    shard_rows: Type.Integer({
      minimum: 1,
      maximum: 65_536,
      default: 512,
      description: 'rows of a shard; what is lost at most when the step is killed'
    }),
    max_tokens: Type.Integer({
      minimum: 0,
      default: 0,
      description: "longest conversation in tokens, longer prompts are cut from the left; 0: the model's own limit"
    }),
    refused: Type.Enum(['error', 'skip'], {
      default: 'error',
      description: "what becomes of a row that the model's template refuses, or whose response alone is too long"
    })
  },
  { additionalProperties: false, default: {} }
)
export type EmbedSettings = Static<typeof EmbedSettings>
