import type { FastifyInstance } from 'fastify'
import { ArmormError } from '../errors.js'

/** Connections that wait to be accepted: trainers open thousands at a time. The kernel's own limit holds besides. */
const BACKLOG = 4096

/** Opens the port. @throws ArmormError invalid_config when the address cannot be had. */
export async function listen(app: FastifyInstance, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port, backlog: BACKLOG, listenTextResolver: (address) => `listening at ${address}` })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new ArmormError(
      'invalid_config',
      `cannot listen on --host ${host} --port ${port} (${code})${code === 'EADDRINUSE' ? ': the port is taken; choose another with --port' : ''}`,
      { code },
      error
    )
  }
}
