/** Bodies that a client compressed, inflated up to a bound. */
import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import { ArmormError } from '../errors.js'
import type { BodySource } from './json-body.js'

const INFLATERS = new Map([
  ['gzip', promisify(gunzip)],
  // What HTTP calls deflate is deflate in a zlib envelope.
  ['deflate', promisify(inflate)]
])

/**
 * The body as it was before Content-Encoding, when it is its turn to be parsed.
 * @throws ArmormError unsupported_media_type; body_too_large when more than `limit` bytes come out; invalid_request;
 *   client_closed
 */
export async function inflated(body: Buffer, { headers, limit, turn }: BodySource): Promise<Buffer> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity') return body
  const inflater = INFLATERS.get(encoding)
  if (!inflater) {
    throw new ArmormError('unsupported_media_type', 'the header Content-Encoding must be gzip, deflate or identity')
  }
  let whole: Buffer
  try {
    whole = await inflater(body, { maxOutputLength: limit })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new ArmormError('body_too_large', `the body inflates to more than ${limit} bytes`, { limit })
    }
    throw new ArmormError('invalid_request', `the body is not valid ${encoding}, as Content-Encoding says`)
  }
  await turn(whole)
  return whole
}
