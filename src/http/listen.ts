import type { FastifyInstance } from 'fastify'
import { ArmormError } from '../errors.js'

/** Connections that wait to be accepted: trainers open thousands at a time. The kernel's own limit holds besides. */
const BACKLOG = 4096

/** Opens the port. @throws ArmormError invalid_config when the address cannot be had. */
export async function listen(app: FastifyInstance, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port, backlog: BACKLOG, listenTextResolver: (address) => `listening at ${address}` })
  } catch (error) {
    throw refusedAddress(error as NodeJS.ErrnoException, '--host', host, '--port', port)
  }
}

/** What to throw where an address cannot be had: the error itself, if that is no reason of the address. */
export function refusedAddress(
  error: NodeJS.ErrnoException,
  hostFlag: string,
  host: string,
  portFlag: string,
  port: number
): Error {
  const { code } = error
  if (code === undefined) return error
  const taken = code === 'EADDRINUSE' ? `: the port is taken; choose another with ${portFlag}` : ''
  const message = `cannot listen on ${hostFlag} ${host} ${portFlag} ${port} (${code})${taken}`
  return new ArmormError('invalid_config', message, { code }, error)
}
