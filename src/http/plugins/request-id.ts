/** Request ids: every reply to a request has one, under which the log has more; and the caller's trace. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ServerServices } from '../services.js'
import { nameTrace } from '../trace.js'

/** Short, and of characters that no log or header can be broken with. */
const SANE_ID = /^[\w.:+=@/-]{1,128}$/

/** The caller's `X-Request-Id` if it is sane, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && SANE_ID.test(given) ? given : randomUUID()
}

/** Puts request id and trace on a reply. */
export function nameReply(
  request: FastifyRequest,
  reply: FastifyReply,
  tracing: ServerServices['tracing']
): FastifyReply {
  nameTrace(request, reply, tracing)
  return reply.header('x-request-id', request.id)
}

function plugin(app: FastifyInstance, { tracing }: Pick<ServerServices, 'tracing'>, done: () => void): void {
  app.addHook('onRequest', async (request, reply) => void nameReply(request, reply, tracing))
  done()
}

export const requestIds = fp(plugin, { name: 'request-id' })
