/** Every reply of a route that takes work says how much the server has of it, for those who balance between replicas. */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Type } from 'typebox'
import type { ServerServices } from '../services.js'

export const OUTSTANDING_HEADER = 'x-outstanding-tokens'
/** ORCA's, which Envoy and gRPC read. */
export const REPORT_HEADER = 'endpoint-load-metrics'

/** For the documents. */
export const LoadHeaders = {
  [OUTSTANDING_HEADER]: Type.Integer({
    description: 'Tokens that this server was asked for and has not computed yet, when the reply left.'
  }),
  [REPORT_HEADER]: Type.String({
    description: "The same, with requests per second and utilization, as ORCA's load report in text: docs/balancing.md."
  })
}

function plugin(
  app: FastifyInstance,
  { served, loadMeter }: Pick<ServerServices, 'served' | 'loadMeter'>,
  done: () => void
): void {
  app.addHook('onSend', async (request, reply) => {
    if (!request.routeOptions.config.work) return
    // It is counted at every look, and both headers are to say the same.
    const { outstandingTokens, limitTokens } = served.current.load
    loadMeter.requestAnswered()
    void reply.header(OUTSTANDING_HEADER, Math.round(outstandingTokens))
    void reply.header(REPORT_HEADER, loadMeter.report({ outstandingTokens, limitTokens }))
  })
  done()
}

export const load = fp(plugin, { name: 'load', dependencies: ['errors'] })
