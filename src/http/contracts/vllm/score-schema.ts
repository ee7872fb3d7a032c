import { Type } from 'typebox'
import { HINT } from '../../validation.js'
import { itemError } from '../item-replies.js'
import { list, maybe } from './schema.js'

const Texts = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]))
const activation = { use_activation: maybe, activation: maybe }
const model = Type.Optional(Type.Unknown({ description: 'Not looked at.' }))

export const ScoreRequest = Type.Object(
  {
    model,
    queries: Texts,
    documents: Texts,
    text_1: Texts,
    text_2: Texts,
    data_1: Texts,
    data_2: Texts,
    items: Texts,
    ...activation
  },
  {
    title: 'VllmScoreRequest',
    description:
      '`queries` and `documents`, or by their older names `text_1`, `data_1` and `text_2`, `data_2`, `items`.',
    examples: [{ queries: 'How much is 2+2?', documents: ['4', '5'] }]
  }
)

export const ScoreReply = Type.Object(
  {
    ...list,
    data: Type.Array(
      Type.Object({
        index: Type.Integer(),
        object: Type.Literal('score'),
        score: Type.Number(),
        error: itemError
      })
    )
  },
  { title: 'VllmScoreReply' }
)

export const RerankRequest = Type.Object(
  {
    model,
    query: Type.String(),
    documents: Type.Array(Type.String()),
    top_n: Type.Optional(Type.Union([Type.Integer(), Type.Null()], { description: 'The best so many; 0: all.' })),
    ...activation
  },
  {
    title: 'VllmRerankRequest',
    [HINT]: 'send {"query": "...", "documents": ["..."]}',
    examples: [{ query: 'How much is 2+2?', documents: ['5', '4'] }]
  }
)

export const RerankReply = Type.Object(
  {
    id: Type.String(),
    model: Type.String(),
    usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
    results: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Place in `documents`.' }),
        document: Type.Object({ text: Type.String(), multi_modal: Type.Null() }),
        relevance_score: Type.Number(),
        error: itemError
      })
    )
  },
  { title: 'VllmRerankReply' }
)
