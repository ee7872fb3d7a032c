/** What every reply shares: the model, token counts, errors. */
import { Type } from 'typebox'
import { ERRORS, type ErrorCode } from '../../errors.js'

export const Model = Type.Object(
  {
    name: Type.String(),
    revision: Type.String({ description: 'Changes with all that decides a reward or its names.' }),
    precision: Type.String()
  },
  { title: 'Model', description: 'The model that gave the scores.' }
)

export const Usage = Type.Object(
  {
    tokens: Type.Integer({ description: 'Tokens that the model read, after trimming.' }),
    prompt_tokens: Type.Integer({ description: 'Those up to and including the header of the answer.' }),
    response_tokens: Type.Integer(),
    trimmed_tokens: Type.Integer({ description: 'Tokens cut from the left of the prompt.' }),
    cached_tokens: Type.Integer({
      description: 'Tokens of repeats: answered from memory, or by joining the same work already under way.'
    })
  },
  { title: 'Usage' }
)

const wireCodes = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].status !== null)

const ErrorBody = Type.Object(
  {
    code: Type.Enum(wireCodes, { description: 'Stable; docs/errors.md explains each.' }),
    message: Type.String({ description: 'For people; may change.' }),
    details: Type.Record(Type.String(), Type.Unknown(), { description: 'For programs; depends on the code.' })
  },
  { title: 'ErrorBody' }
)

export const ErrorReply = Type.Object({ error: ErrorBody }, { title: 'ErrorReply' })

/** `response` schemas of a route: its 200 and the errors that any route may answer. */
export function replies<T>(ok: T) {
  const caller = { ...ErrorReply, 'x-response-description': "The caller's error." }
  const server = { ...ErrorReply, 'x-response-description': "The server's error, or not ready." }
  return { 200: ok, '4xx': caller, '5xx': server }
}

export { ErrorBody }
