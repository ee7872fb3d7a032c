/**
 * Reads request bodies as JSON. Some clients cannot send headers, and `curl -d` labels what it sends as a form: a
 * body with no label, a form's, plain text's or a byte stream's is read as JSON too, if it begins like an object.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ArmormError } from '../errors.js'
import { jsonErrorOffset } from './json-error.js'
import { type JsonLimits, requireModestJson } from './json-shape.js'
import { Turns } from './turns.js'

/** The request that a body belongs to. */
export interface BodySource {
  readonly headers: IncomingHttpHeaders
  /** Bytes that a body may have. */
  readonly limit: number
  /** To be awaited before as many bytes as these are parsed. @throws ArmormError client_closed */
  readonly turn: (bytes: Buffer) => Promise<void>
  /** Whatever Content-Type says. @throws ArmormError invalid_json */
  readonly parseJson: (bytes: Buffer) => unknown
  /** With Content-Type held to the rules above. @throws ArmormError unsupported_media_type, invalid_json */
  readonly readJson: (bytes: Buffer) => unknown
}

/** Reads bodies of a route whose clients send more than JSON. @throws ArmormError */
export type BodyReader = (body: Buffer, source: BodySource) => Promise<unknown>

declare module 'fastify' {
  interface FastifyContextConfig {
    readBody?: BodyReader
  }
}

const JSON_TYPE = /^(?:application|text)\/(?:[\w.-]+\+)?json$/
const UNLABELLED = new Set(['', 'application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream'])
/** Characters of a text in which the place of an error is looked for: some 0.1 microseconds each. */
const LOCATED = 1 << 22
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d])
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** Bytes of a body that takes a turn of its own: a millisecond or so. */
const LARGE = 64 * 1024
/** There is one event loop. */
const turns = new Turns()

/** Makes `app` read every body by the rules above; `__proto__` and the like stay refused. */
export function readJsonBodies(app: FastifyInstance, limits: JsonLimits): void {
  const read = bodyReader(app, limits)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request: FastifyRequest, body: Buffer) => read(request, body))
}

/** Waits for one's turn with a large body. @throws ArmormError client_closed */
async function takeTurn(request: FastifyRequest, bytes: Buffer): Promise<void> {
  if (bytes.length < LARGE) return
  await turns.take()
  if (!request.raw.socket.destroyed) return
  throw new ArmormError('client_closed', 'the client went away before its body was parsed')
}

/**
 * Reads the body of a GET, which Fastify leaves alone; the query stands in where there is none.
 * @param limits - `bodyLimit` in bytes
 * @throws ArmormError body_too_large, unsupported_media_type, invalid_json, client_closed
 */
export function getBodyReader(
  app: FastifyInstance,
  limits: JsonLimits & { readonly bodyLimit: number }
): (request: FastifyRequest) => Promise<unknown> {
  const { bodyLimit: limit } = limits
  const read = bodyReader(app, limits)
  return async (request) => {
    const chunks: Buffer[] = []
    let bytes = 0
    try {
      // A stream that is destroyed would take the connection, and the error's reply, with it.
      for await (const chunk of request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        bytes += chunk.length
        if (bytes > limit) {
          throw new ArmormError('body_too_large', `the body of a GET is larger than ${limit} bytes`, { limit })
        }
        chunks.push(chunk)
      }
    } catch (error) {
      if (error instanceof ArmormError) throw error
      throw new ArmormError('client_closed', 'the client went away before its body was there', {}, error)
    }
    return bytes === 0 ? request.query : read(request, Buffer.concat(chunks))
  }
}

/** @returns a function that throws ArmormError unsupported_media_type, invalid_json, and what a route's own reader does. */
function bodyReader(
  app: FastifyInstance,
  limits: JsonLimits
): (request: FastifyRequest, body: Buffer) => Promise<unknown> {
  const parseText = app.getDefaultJsonParser('error', 'error')
  return async (request, body) => {
    const { headers, routeOptions } = request
    const turn = (bytes: Buffer) => takeTurn(request, bytes)
    const parseJson = (bytes: Buffer): unknown => {
      requireModestJson(bytes, limits)
      const text = decode(bytes)
      let parsed: unknown
      // Calls back before it returns.
      void parseText(request, text, (error, value) => {
        if (error) throw syntaxError(text)
        parsed = value
      })
      return parsed
    }
    const readJson = (bytes: Buffer): unknown => {
      requireJsonType(headers, bytes)
      return parseJson(bytes)
    }
    await turn(body)
    const { readBody } = routeOptions.config
    if (readBody) return readBody(body, { headers, limit: routeOptions.bodyLimit, turn, parseJson, readJson })
    if (headers['content-encoding'] !== undefined) {
      throw new ArmormError('unsupported_media_type', 'the body must not be compressed: leave Content-Encoding out')
    }
    return readJson(body)
  }
}

/** @throws ArmormError unsupported_media_type. */
function requireJsonType(headers: IncomingHttpHeaders, body: Buffer): void {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (JSON_TYPE.test(type)) return
  const unlabelled = UNLABELLED.has(type) && (type === '' || body.length === 0 || beginsLikeObject(body))
  if (unlabelled) return
  throw new ArmormError('unsupported_media_type', 'the body must be JSON: send Content-Type: application/json')
}

/** @throws ArmormError invalid_json. */
function decode(body: Buffer): string {
  try {
    // Drops a byte order mark, and refuses what is not UTF-8 instead of scoring replacement characters.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    if (text === '') throw new ArmormError('invalid_json', 'the body is empty; send one JSON object')
    return text
  } catch (error) {
    if (error instanceof ArmormError) throw error
    throw new ArmormError('invalid_json', 'the body is not valid UTF-8')
  }
}

function beginsLikeObject(body: Buffer): boolean {
  let at = BYTE_ORDER_MARK.every((byte, i) => body[i] === byte) ? BYTE_ORDER_MARK.length : 0
  while (SPACE.has(body[at] ?? 0)) at++
  return body[at] === 0x7b
}

function syntaxError(text: string): ArmormError {
  if (text.length > LOCATED) {
    return new ArmormError('invalid_json', 'the body is not valid JSON, or holds a key that is not allowed')
  }
  const offset = jsonErrorOffset(text)
  if (offset === null) {
    return new ArmormError(
      'invalid_json',
      'the body holds a key that is not allowed: __proto__ or constructor.prototype'
    )
  }
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  const column = offset === 0 ? 1 : offset - text.lastIndexOf('\n', offset - 1)
  const how = offset === text.length ? 'ends too early' : 'breaks'
  return new ArmormError('invalid_json', `the body is not valid JSON: it ${how} at line ${line}, column ${column}`, {
    offset,
    line,
    column
  })
}
