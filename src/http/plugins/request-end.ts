/** One log line and one count for each request, when it was answered or its client has gone. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ERRORS } from '../../errors.js'
import type { Metrics } from '../../metrics.js'
import { whenEnded } from '../client.js'
import { routeOf } from '../logger.js'
import { noteRequest } from '../pipeline.js'
import type { ServerServices } from '../services.js'
import { tracedRequest } from '../trace.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Probes and scrapes come every few seconds: logged at debug only. */
    quiet?: boolean
  }
}

function plugin(app: FastifyInstance, { metrics, lifecycle }: ServerServices, done: () => void): void {
  app.addHook('onRequest', async (request, reply) => {
    followRequest(request, reply, metrics)
    whenEnded(reply, lifecycle.requests.hold())
  })
  done()
}

export const requestEnd = fp(plugin, { name: 'request-end', dependencies: ['errors'] })

/** Not by Fastify's `onResponse`, which does not hear of clients that go away. */
export function followRequest(request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  metrics.requestStarted()
  noteRequest(request.raw, reply.raw)
  whenEnded(reply, (answered) => {
    const { method } = request
    const route = routeOf(request)
    const status = answered ? reply.statusCode : ERRORS.client_closed.status
    const code = answered ? request.errorCode : 'client_closed'
    metrics.requestEnded(route, method, status, reply.elapsedTime)
    if (code) metrics.error(code)
    tracedRequest(request)?.end({ at: performance.now(), status: answered ? status : null, code })
    const ms = Math.round(reply.elapsedTime * 1000) / 1000
    const level = request.routeOptions.config.quiet ? 'debug' : 'info'
    const { keyName: key } = request
    request.log[level]({ method, route, status, ms, ...(code && { code }), ...(key && { key }) }, 'request')
  })
}
