import { Agent, get as httpGet, type IncomingMessage, request as httpRequest } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { drain } from '../../src/http/drain.js'
import { Lifecycle } from '../../src/http/lifecycle.js'
import { fakeApp, heldRater } from './helpers.js'

/** Long enough that a test which reached it would run into tap's own limit. */
const NEVER = 3_600_000

async function listening(t: Test, held = heldRater()) {
  const lifecycle = new Lifecycle()
  lifecycle.becomeReady()
  const app = await fakeApp(t, { rater: held.rater, lifecycle })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return { app, lifecycle, agent, ...held }
}

function post(app: FastifyInstance, agent: Agent): Promise<IncomingMessage> {
  const { port } = app.server.address() as AddressInfo
  const request = httpRequest({ port, host: '127.0.0.1', agent, method: 'POST', path: '/score' })
  request.end(JSON.stringify({ inputs: [{ text: 'abc' }] }))
  return once(request, 'response').then(([response]) => response as IncomingMessage)
}

async function probe(app: FastifyInstance, path: string, agent: Agent): Promise<number | undefined> {
  const { port } = app.server.address() as AddressInfo
  const [response] = (await once(httpGet({ port, host: '127.0.0.1', agent, path }), 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

t.test('what is in flight is finished, and its keep-alive socket does not hold the stop up', async (t) => {
  const { app, lifecycle, agent, started, release } = await listening(t)
  const scored = post(app, agent)
  await started
  const drained = drain(app, lifecycle, { deadlineMs: NEVER })
  t.equal(lifecycle.state, 'draining')
  release()
  const response = await scored
  t.equal(response.statusCode, 200)
  t.equal(response.headers.connection, 'close')
  t.match(await json(response), { results: [{ score: Number }] })
  t.equal(await drained, true)
})

t.test('while what is in flight is finished, new work is refused in words, on connections old and new', async (t) => {
  const { app, lifecycle, agent, started, release } = await listening(t)
  const [old, fresh] = [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: 1 })) as [Agent, Agent]
  t.teardown(() => [old, fresh].forEach((each) => each.destroy()))
  const held = post(app, agent)
  await started
  t.equal(await probe(app, '/readyz', old), 200)
  const drained = drain(app, lifecycle, { deadlineMs: NEVER })
  for (const each of [old, fresh]) {
    const refused = await post(app, each)
    t.equal(refused.statusCode, 503)
    t.equal(refused.headers.connection, 'close')
    t.ok('retry-after' in refused.headers)
    t.match(await json(refused), { error: { code: 'shutting_down' } })
  }
  t.equal(await probe(app, '/livez', fresh), 200)
  t.equal(await probe(app, '/readyz', fresh), 503)
  release()
  const reply = await held
  t.equal(reply.statusCode, 200)
  reply.resume()
  t.equal(await drained, true)
  t.equal(app.server.listening, false)
})

t.test('for the delay readiness is gone and work is taken, on connections that are not kept', async (t) => {
  const held = heldRater()
  const { app, lifecycle, agent } = await listening(t, held)
  held.release()
  const delayMs = 500
  const drained = drain(app, lifecycle, { delayMs, deadlineMs: NEVER })
  t.equal(await probe(app, '/readyz', agent), 503)
  const reply = await post(app, agent)
  t.strictSame([reply.statusCode, reply.headers.connection], [200, 'close'])
  reply.resume()
  t.equal(await drained, true)
})

t.test('the deadline cuts what does not end', async (t) => {
  const { app, lifecycle, agent, started, release } = await listening(t)
  const scored = post(app, agent)
  const cut = t.rejects(scored, { code: 'ECONNRESET' })
  await started
  t.equal(await drain(app, lifecycle, { deadlineMs: 1 }), false)
  await cut
  release()
})
