import type { FastifyInstance } from 'fastify'
import type { Lifecycle } from './lifecycle.js'

/**
 * Stops the server: readiness flips, new connections are refused, work on open connections is answered
 * `shutting_down`, requests in flight are finished until the deadline, then every connection is cut.
 * @param deadlineMs - milliseconds for what is in flight.
 * @returns whether everything in flight was finished.
 */
export async function drain(app: FastifyInstance, lifecycle: Lifecycle, deadlineMs: number): Promise<boolean> {
  lifecycle.startDraining()
  let finished = true
  const deadline = setTimeout(() => {
    finished = false
    app.server.closeAllConnections()
  }, deadlineMs)
  try {
    await app.close()
  } finally {
    clearTimeout(deadline)
  }
  return finished
}
