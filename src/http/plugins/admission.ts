/** Refuses work while the server is not ready, and lets connections go while it drains. */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { unreadiness } from '../lifecycle.js'
import type { ServerServices } from '../services.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route takes work of the model, which a server that is not ready refuses. */
    work?: boolean
  }
}

function plugin(app: FastifyInstance, { lifecycle, served }: ServerServices, done: () => void): void {
  app.addHook('onRequest', async (request) => {
    // An engine that restarts takes the work and runs it once it is back; only the server's own state refuses.
    if (!request.routeOptions.config.work || lifecycle.takesWork) return
    const error = unreadiness(lifecycle, served.current.engine)
    if (error) throw error
  })
  app.addHook('onSend', async (_request, reply) => {
    if (lifecycle.stopping) void reply.header('connection', 'close')
  })
  done()
}

export const admission = fp(plugin, { name: 'admission', dependencies: ['errors'] })
