/**
 * The real server when it is asked to stop, and when it is killed. `exit` settles when the engine, which shares the
 * server's output, has ended too.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { tinyBundle } from '../support/bundles.js'
import { childrenOf, type Server, startServer } from '../support/server.js'
import { until } from '../support/until.js'

const folder = await tinyBundle(t, 'one-objective')
const start = (t: Test, ...options: string[]) => startServer(t, ['--model', folder, ...options])
const work = { inputs: [{ input_ids: [5, 1, 2, 6, 7] }] }

async function open(server: Server, bytes: string): Promise<Socket> {
  const socket = connect(Number(new URL(server.origin).port), '127.0.0.1')
  await once(socket, 'connect')
  if (bytes !== '') socket.write(bytes)
  return socket
}

t.test('connections that are kept alive, are silent or have sent half a request do not hold up the stop', async (t) => {
  // A stop that waited for them would cut them at the deadline, and end with code 1; or never.
  const server = await start(t, '--shutdown-deadline', '3600')
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const [reply] = (await once(get(`${server.origin}/livez`, { agent }), 'response')) as [IncomingMessage]
  t.not(reply.headers.connection, 'close')
  reply.resume()
  await once(reply, 'end')
  const sockets = [await open(server, ''), await open(server, 'POST /score HTTP/1.1\r\nHost: a\r\nContent-')]
  // It is answered after the others were accepted.
  t.equal((await server.get('/readyz')).status, 200)
  const closed = sockets.map((socket) => once(socket.on('error', () => undefined).resume(), 'close'))
  process.kill(server.pid, 'SIGTERM')
  t.match(await server.exit, { code: 0, stderr: '' })
  await Promise.all(closed)
})

t.test('readiness flips first, work is taken for --drain-delay, and a second signal ends all at once', async (t) => {
  const server = await start(t, '--drain-delay', '3600')
  t.equal((await server.get('/readyz')).status, 200)
  process.kill(server.pid, 'SIGTERM')
  await until(async () => (await server.get('/readyz')).status === 503)
  t.match((await server.get('/readyz')).json(), { error: { code: 'shutting_down' } })
  t.equal((await server.get('/livez')).status, 200)
  t.equal((await server.post('/score', work)).status, 200)
  process.kill(server.pid, 'SIGTERM')
  t.equal((await server.exit).code, 1)
})

const skip = !existsSync('/proc/self/stat') && 'needs /proc to find the engine process'
t.test('a reload does not hold up the stop', { skip }, async (t) => {
  const server = await start(t, '--admin-reload', 'on', '--shutdown-deadline', '3600')
  const reload = server.post('/admin/reload', {})
  await until(() => childrenOf(server.pid).length === 2)
  process.kill(server.pid, 'SIGTERM')
  t.match((await reload).json(), { error: { code: 'shutting_down' } })
  t.equal((await server.exit).code, 0)
})

t.test('a server that is killed takes its engine with it', async (t) => {
  const server = await start(t)
  process.kill(server.pid, 'SIGKILL')
  t.equal((await server.exit).signal, 'SIGKILL')
})
