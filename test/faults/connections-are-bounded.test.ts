import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { fakeApp } from '../http/helpers.js'
import { connected, portOf, postOf, received, replyOf } from '../support/raw-client.js'

const BODY = JSON.stringify({ inputs: [{ text: 'abc' }] })

t.test('one connection too many is told so, in the words of the contract, and closed', async (t) => {
  const app = await fakeApp(t, { limits: { maxConnections: 2 } })
  const port = await portOf(app)
  const kept = await Promise.all([connected(port), connected(port)])
  t.teardown(() => kept.forEach((socket) => socket.destroy()))
  const ask = async (request: string) => {
    const socket = await connected(port)
    socket.write(request)
    return replyOf(await received(socket))
  }
  const refused = await ask(`POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`)
  t.equal(refused.status, 503)
  t.match(refused.head, /retry-after: \d+/i)
  t.match(refused.head, /connection: close/i)
  t.match(JSON.parse(refused.body), { error: { code: 'too_many_connections', details: { limit: 2 } } })
  const rerank = await ask(`POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`)
  t.match(JSON.parse(rerank.body), { error: /^too_many_connections: /, error_type: 'Unhealthy' })
  const probe = await ask('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal(probe.status, 200, 'a probe is answered as ever')

  const [first] = kept
  first.write(postOf('/score', BODY))
  t.equal(replyOf(await received(first)).status, 200, 'those within the limit are served')
  t.equal((await ask(postOf('/score', BODY))).status, 200, 'and its place is free again')
})

t.test('far past the limit connections are closed unheard, and counted', async (t) => {
  const app = await fakeApp(t, { limits: { maxConnections: 1 } })
  const port = await portOf(app)
  const sockets: Socket[] = []
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  for (let i = 0; i < 129; i++) sockets.push(await connected(port))
  const over = await connected(port)
  if (!over.closed) await once(over, 'close')
  const { body } = await app.inject({ url: '/metrics' })
  t.match(body, /^armorm_connections_dropped_total 1$/m)
})
