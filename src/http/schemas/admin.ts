/** Replies to operators. */
import { Type } from 'typebox'
import { Model } from './results.js'

export const ReloadReply = Type.Object(
  {
    previous: Model,
    model: Model,
    ms: Type.Integer({ minimum: 0, description: 'Milliseconds from the request to the switch.' })
  },
  { title: 'ReloadReply' }
)
