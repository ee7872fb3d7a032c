import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { fakeApp, heldRater } from '../http/helpers.js'
import { connected, portOf, postOf, received, replyOf } from '../support/raw-client.js'

const BODY = JSON.stringify({ inputs: [{ text: 'abc' }] })

async function isWell(t: Test, app: FastifyInstance): Promise<void> {
  const socket = await connected(await portOf(app))
  socket.write(postOf('/score', BODY))
  t.equal(replyOf(await received(socket)).status, 200, 'others are answered')
}

const codeOf = (body: string) => (JSON.parse(body) as { error: { code: string } }).error.code

t.test('whoever sends nothing, half a head or half a body is answered 408 and let go', async (t) => {
  const app = await fakeApp(t, { limits: { headersTimeout: 100, receiveTimeout: 200 } })
  const port = await portOf(app)
  for (const bytes of [
    '',
    'GET /livez HT',
    'GET /livez HTTP/1.1\r\nHost: a\r\nX-Filler: ',
    `POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n${BODY.slice(0, 5)}`,
    'POST /score HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"inp'
  ]) {
    const socket = await connected(port)
    socket.write(bytes)
    const reply = replyOf(await received(socket))
    t.equal(reply.status, 408, JSON.stringify(bytes))
    t.equal(codeOf(reply.body), 'request_timeout')
  }
  await isWell(t, app)
  const { body } = await app.inject({ url: '/metrics' })
  t.match(body, /^armorm_errors_total\{code="request_timeout"\} 5$/m)
})

t.test('a byte now and then does not help', async (t) => {
  const app = await fakeApp(t, { limits: { headersTimeout: 100, receiveTimeout: 200 } })
  const socket = await connected(await portOf(app))
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n')
  const drip = setInterval(() => socket.write('X-Filler: x\r\n'), 10)
  t.teardown(() => clearInterval(drip))
  t.equal(replyOf(await received(socket)).status, 408)
})

t.test('whoever does not read the reply is let go', async (t) => {
  const app = await fakeApp(t, { limits: { sendTimeout: 100 } })
  const large = 'x'.repeat(1 << 25)
  app.get('/large', async () => large)
  const socket = await connected(await portOf(app))
  const [served] = (await Promise.all([
    once(app.server, 'request').then(([request]) => [(request as { socket: Socket }).socket]),
    new Promise((resolve) => socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n', resolve))
  ])) as [[Socket], unknown]
  await once(served[0], 'close')
  t.ok(served[0].bytesWritten < large.length + 1000)
  socket.destroy()
  await isWell(t, app)
})

t.test('whoever waits for a reply that takes long is not slow', async (t) => {
  const held = heldRater()
  const app = await fakeApp(t, {
    rater: held.rater,
    limits: { headersTimeout: 20, receiveTimeout: 20, sendTimeout: 20 }
  })
  const socket = await connected(await portOf(app))
  // A reply on the same connection first, so that its times have to be taken back.
  socket.write(`GET /livez HTTP/1.1\r\nHost: a\r\n\r\n${postOf('/score', BODY)}`)
  await held.started
  await new Promise((resolve) => setTimeout(resolve, 200))
  held.release()
  const text = await received(socket)
  t.match(text, /"status":"alive"/)
  t.match(text, /"results":/)
})
