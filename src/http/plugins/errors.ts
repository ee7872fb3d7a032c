/**
 * Every error leaves as `{"error":{"code","message","details"}}`, those of Fastify and of Node's parser too, but on
 * routes of contracts that have a form of their own.
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ArmormError, type ErrorCode } from '../../errors.js'
import type { ErrorForm } from '../contracts/contract.js'
import { errorReply } from '../replies.js'
import type { Limits } from '../services.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Code of the error that answers this request; null while there is none. */
    errorCode: ErrorCode | null
  }
}

/** Seconds after which a client may try again what is unavailable or out of time now. */
const RETRY_AFTER = 5
const MENDABLE = new Set([429, 503, 504])

/** How Node says that the client went away, the second one in the middle of a request. */
const GONE = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE'])

interface Options {
  readonly limits: Limits
}

function plugin(app: FastifyInstance, { limits }: Options, done: () => void): void {
  app.decorateRequest('errorCode', null)
  const routes = new Routes()
  app.addHook('onRoute', ({ url, method }) => routes.add(url, method))
  const answerUnmatched = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const allowed = routes.methodsOf(request.url)
    // A route that takes the method and still ends here has no such file to send.
    const unknown = allowed.length === 0 || allowed.includes(request.method)
    if (unknown) return sendError(noSuchRoute(), request, reply)
    return sendError(methodNotAllowed(allowed), request, reply)
  }
  app.setNotFoundHandler(answerUnmatched)
  app.setErrorHandler((error: FastifyError, request, reply) => {
    // Fastify holds a QUERY to rules of its own before it looks whether any route takes one; none does.
    if (error.code === 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE') return answerUnmatched(request, reply)
    return answerError(error, request, reply, limits)
  })
  done()
}

export const errors = fp(plugin, { name: 'errors' })

/** The form of all routes that are no contract's. */
export const nativeForm = (error: ArmormError): ErrorForm => ({ status: error.status, body: errorReply(error) })

/** Answers whatever a route threw, in the words of `form`. */
export function answerError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  limits: Limits,
  form: (error: ArmormError) => ErrorForm = nativeForm
): FastifyReply {
  const known = recognise(error, limits)
  // Only the server's own faults: what a caller got wrong may quote what the caller sent, and 503 is a state.
  if (known.status === 500) request.log.error({ err: error }, known.code)
  return sendError(known, request, reply, form)
}

export function sendError(
  error: ArmormError,
  request: FastifyRequest,
  reply: FastifyReply,
  form: (error: ArmormError) => ErrorForm = nativeForm
): FastifyReply {
  request.errorCode = error.code
  const { status, body } = form(error)
  if (error.code === 'method_not_allowed')
    void reply.header('allow', (error.details['allowed'] as readonly string[]).join(', '))
  if (MENDABLE.has(status)) {
    const seconds = error.details['retry_after_seconds']
    // Whole seconds are all that the header knows; none would mean at once.
    void reply.header(
      'retry-after',
      String(typeof seconds === 'number' ? Math.max(1, Math.ceil(seconds)) : RETRY_AFTER)
    )
  }
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer((value: unknown) => JSON.stringify(value))
    .send(body)
}

/** @param allowed - methods that the route takes */
export function methodNotAllowed(allowed: readonly string[]): ArmormError {
  return new ArmormError('method_not_allowed', `this route takes ${allowed.join(', ')}`, { allowed })
}

/** For what is not there, and for what is not to be seen from where it was asked for. */
export function noSuchRoute(): ArmormError {
  return new ArmormError('not_found', 'there is no such route; /docs lists them')
}

/** The row of the table that an error belongs to. */
export function recognise(error: FastifyError, { bodyLimit }: Limits): ArmormError {
  if (error instanceof ArmormError) return error
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ArmormError('body_too_large', `the body is larger than ${bodyLimit} bytes`, { limit: bodyLimit })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ArmormError('unsupported_media_type', 'the body must be JSON: send Content-Type: application/json')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new ArmormError('invalid_request', 'the body is not as long as Content-Length says')
    case 'FST_ERR_BAD_URL':
      return new ArmormError('invalid_request', 'the URL is not validly encoded')
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return noSuchRoute()
    default:
      if (error.statusCode && error.statusCode >= 400 && error.statusCode < 500) {
        return new ArmormError('invalid_request', 'the request cannot be understood')
      }
      return new ArmormError('internal', 'a defect of the server; its log has more under the request id')
  }
}

/**
 * What the socket gets when Node could not make a request of what it read.
 * @returns the error that was sent; null where nobody was there to read it.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): ArmormError | null {
  if (GONE.has(error.code ?? '') || !socket.writable) {
    socket.destroy()
    return null
  }
  const known = clientError(error.code)
  const body = JSON.stringify(errorReply(known))
  const head = [
    `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close'
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  return known
}

function clientError(code: string | undefined): ArmormError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ArmormError('headers_too_large', 'the URL and headers are too long; POST /explain takes long text')
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ArmormError('request_timeout', 'the request did not arrive in time')
  }
  return new ArmormError('invalid_request', 'this is not a valid HTTP request')
}

/** Knows which methods a path has, for 405 and its `Allow`. */
class Routes {
  readonly #methods = new Map<
    string,
    { readonly pattern: RegExp; readonly suffixed: boolean; readonly methods: Set<string> }
  >()

  add(url: string, method: string | string[]): void {
    const route = this.#methods.get(url) ?? {
      pattern: patternOf(url),
      suffixed: url.includes('::'),
      methods: new Set<string>()
    }
    for (const each of [method].flat()) route.methods.add(each)
    this.#methods.set(url, route)
  }

  methodsOf(url: string): string[] {
    const path = url.split('?', 1)[0] ?? ''
    const matching = [...this.#methods.values()].filter(({ pattern }) => pattern.test(path))
    // What a parameter matches as a whole is not meant where another route names how it ends.
    const exact = matching.filter(({ suffixed }) => suffixed)
    const found = exact.length > 0 ? exact : matching
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort()
  }
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*'
    // What follows a parameter behind two colons is one, literally: `:model::predict`.
    const [, literal] = part.split('::')
    if (part.startsWith(':')) return literal === undefined ? '[^/]+' : `[^/]+:${literal}`
    return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('/')}$`)
}
