/** The server's log. Whatever logs a request through it, only the route's pattern gets out, never the URL. */
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { type DestinationStream, pino, stdSerializers } from 'pino'

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

/** What matched no route shares one word. */
export const UNMATCHED = 'unmatched'

/** The pattern of the route that a request matched, or `UNMATCHED`. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions?.url ?? UNMATCHED
}
