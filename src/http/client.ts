/** What becomes of the client that waits for a reply. */
import type { FastifyReply } from 'fastify'
import { ArmormError } from '../errors.js'

/** Calls `ended` once: when the reply was handed over whole, or its client has gone before that. */
export function whenEnded(reply: FastifyReply, ended: (answered: boolean) => void): void {
  reply.raw.once('close', () => ended(reply.raw.writableEnded))
}

/** Aborts with `client_closed` when the client goes away before it has its reply. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const client = new AbortController()
  whenEnded(reply, (answered) => {
    if (!answered) client.abort(new ArmormError('client_closed', 'the client went away before its reply'))
  })
  return client.signal
}
