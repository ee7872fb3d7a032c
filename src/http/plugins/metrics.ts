import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { routeOf } from '../logger.js'
import type { Services } from '../services.js'

function plugin(app: FastifyInstance, { metrics }: Services, done: () => void): void {
  app.addHook('onRequest', async () => metrics.requestStarted())
  app.addHook('onResponse', async (request, reply) => {
    metrics.requestEnded(routeOf(request), request.method, reply.statusCode, reply.elapsedTime)
    if (request.errorCode) metrics.error(request.errorCode)
  })
  done()
}

export const metrics = fp(plugin, { name: 'metrics', dependencies: ['errors'] })
