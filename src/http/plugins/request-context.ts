/** Request ids and the one log line a request gets. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { routeOf } from '../logger.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Probes and scrapes come every few seconds: logged at debug only. */
    quiet?: boolean
    /** Whether the route takes work of the model, which a server that is not ready refuses. */
    work?: boolean
  }
}

/** Short, and of characters that no log or header can be broken with. */
const SANE_ID = /^[\w.:+=@/-]{1,128}$/

/** The caller's `X-Request-Id` if it is sane, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID()
}

function plugin(app: FastifyInstance, _options: object, done: () => void): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    const line = {
      method: request.method,
      route: routeOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 1000) / 1000,
      ...(request.errorCode && { code: request.errorCode })
    }
    if (request.routeOptions.config.quiet) request.log.debug(line, 'request')
    else request.log.info(line, 'request')
  })
  done()
}

export const requestContext = fp(plugin, { name: 'request-context', dependencies: ['errors'] })
