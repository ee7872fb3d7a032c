/** The server's log. Whatever logs a request through it, only the route's pattern gets out, never the URL. */
import type { IncomingMessage } from 'node:http'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { type Bindings, type ChildLoggerOptions, type DestinationStream, pino, stdSerializers } from 'pino'
import { traceOf } from './trace.js'

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

export type Logger = FastifyBaseLogger

export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    serializers: {
      req: (request: FastifyRequest) => ({ method: request.method, route: routeOf(request) }),
      res: (reply: { statusCode: number }) => ({ status: reply.statusCode }),
      err: stdSerializers.err
    }
  }
  return destination ? pino(options, destination) : pino(options)
}

/** The logger of one request: its lines have the request's id and, where its caller names one, the trace. */
export function requestLogger(
  logger: FastifyBaseLogger,
  id: Bindings,
  options: ChildLoggerOptions,
  request: IncomingMessage
): FastifyBaseLogger {
  const trace = traceOf(request)
  return logger.child({ ...id, ...(trace && { trace_id: trace.traceId, span_id: trace.spanId }) }, options)
}

/** The pattern of the route that a request matched; what matched none shares one word. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions?.url ?? 'unmatched'
}
