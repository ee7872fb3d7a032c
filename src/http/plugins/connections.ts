/**
 * Bounds the connections. One past the limit has its first request answered and is closed, so that its client knows why;
 * probes are answered as ever. Past some more, connections are closed unheard.
 */
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ArmormError } from '../../errors.js'
import type { Services } from '../services.js'

/** Connections past the limit that are still told why. */
const TOLD = 128

function plugin(
  app: FastifyInstance,
  { limits, metrics }: Pick<Services, 'limits' | 'metrics'>,
  done: () => void
): void {
  const { maxConnections, sendTimeout } = limits
  const excess = new WeakSet<Socket>()
  let open = 0
  app.server.maxConnections = maxConnections + TOLD
  app.server.on('connection', (socket: Socket) => {
    if (++open > maxConnections) excess.add(socket)
    socket.once('close', () => open--)
  })
  app.server.on('drop', () => metrics.connectionDropped())

  app.addHook('onRequest', async (request, reply) => {
    if (!excess.has(request.raw.socket)) return
    void reply.header('connection', 'close')
    if (request.routeOptions.config.open) return
    const message = `more than ${maxConnections} connections are open`
    throw new ArmormError('too_many_connections', message, { limit: maxConnections })
  })

  // Idle connections have a time of their own, from which this one has to differ to be told from it.
  const patience = sendTimeout === app.server.keepAliveTimeout ? sendTimeout + 1 : sendTimeout
  app.addHook('onSend', async (_request, reply) => {
    const { raw } = reply
    const { socket } = raw
    // Requests that tests inject have no socket.
    if (!(socket instanceof Socket)) return
    // It runs while no byte leaves.
    socket.setTimeout(patience)
    raw.once('finish', () => {
      // Another request of this connection may still be computed.
      if (socket.timeout === patience) socket.setTimeout(0)
    })
  })
  done()
}

export const connections = fp(plugin, { name: 'connections', dependencies: ['errors'] })
