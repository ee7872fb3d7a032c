import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Lifecycle } from './lifecycle.js'

/** Milliseconds that a connection without a request in flight has to close by itself. */
const GRACE_MS = 200

export interface DrainTimes {
  /** Milliseconds in which work is still taken, though readiness has flipped: whoever routes requests here has to hear. */
  readonly delayMs?: number
  /** Milliseconds after that for what is in flight. */
  readonly deadlineMs: number
}

/**
 * Stops the server. Readiness flips at once, and no connection is kept alive any more. After `delayMs` new work is
 * refused, `shutting_down`, while what is in flight is finished: the port stays open until then, so that a refusal says
 * what it is. Then all connections are closed, idle and half-sent ones too.
 * @returns whether everything in flight was finished
 */
export async function drain(
  app: FastifyInstance,
  lifecycle: Lifecycle,
  { delayMs = 0, deadlineMs }: DrainTimes
): Promise<boolean> {
  lifecycle.startLeaving()
  if (delayMs > 0) await delay(delayMs)
  lifecycle.startDraining()
  const over = new AbortController()
  const late = delay(deadlineMs, false, { signal: over.signal }).catch(() => false)
  const finished = await Promise.race([lifecycle.requests.gone().then(() => true), late])
  over.abort()
  const cut = setTimeout(() => app.server.closeAllConnections(), finished ? GRACE_MS : 0)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
  }
  return finished
}
