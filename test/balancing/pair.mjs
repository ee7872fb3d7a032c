/** Two servers that can be killed and started again at their ports, and what is before them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, startProgram } from '../support/suite.mjs'
import { SERVED_BY } from './balancers.mjs'
import { FORMS, send } from './traffic.mjs'

/** Waits for a condition. @throws Error when it does not hold within a minute */
export async function until(what, condition) {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return
    await sleep(100)
  }
  throw new Error(`${what}: not within a minute`)
}

const keyOf = ({ prompt }) => ({ 'x-affinity-key': prompt })

/** Sends a sample. */
export const ask = ({ origin }, sample, headers = keyOf(sample), form = FORMS['POST /score']) =>
  send(origin, ...form(sample), headers)

/** Starts two servers of a program, does something with them, and kills what is left of them. */
export async function withPair(program, options, variables, work) {
  const ports = [await freePort(), await freePort()]
  const servers = []
  const start = async (i) => {
    servers[i] = await startProgram(program, ['--port', `${ports[i]}`, ...options], variables)
  }
  const isServer = (reply, i) => reply.headers[SERVED_BY]?.endsWith(`:${ports[i]}`) ?? false
  const kill = (i, signal) => servers[i].kill(signal)
  try {
    await Promise.all([start(0), start(1)])
    await work({ ports, start, kill, isServer, origin: (i) => servers[i].origin })
  } finally {
    await Promise.all(servers.map((each) => each.alive() && each.kill('SIGKILL')))
  }
}

/** Does something with a balancer before servers, once both were asked. @param start - starts it */
export async function behind(pair, start, work) {
  const proxy = await start(pair.ports)
  try {
    const seen = new Set()
    await until('an answer of both servers', async () => {
      const reply = await send(proxy.origin, '/v1/models')
      for (const i of [0, 1]) if (pair.isServer(reply, i)) seen.add(i)
      return seen.size === 2
    })
    await work(proxy)
  } finally {
    await proxy.stop()
  }
}
