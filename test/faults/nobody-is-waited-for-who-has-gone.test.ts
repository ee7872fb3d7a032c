/** Requests that came behind others on one connection end with it, though their turn never came. */
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { Lifecycle } from '../../src/http/lifecycle.js'
import { fakeApp, heldRater } from '../http/helpers.js'
import { until } from '../support/until.js'

const request = (body: string) => `POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`

async function serve(t: Test, rater = heldRater()) {
  const lifecycle = new Lifecycle()
  lifecycle.becomeReady()
  const app = await fakeApp(t, { lifecycle, rater: rater.rater })
  let came = 0
  app.addHook('onRequest', async () => void came++)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  let none = false
  return {
    port,
    rater,
    came: () => came,
    ended: () => until(() => (void lifecycle.requests.gone().then(() => (none = true)), none))
  }
}

t.test('a client that goes away', async (t) => {
  const { port, rater, came, ended } = await serve(t)
  const socket = connect(port, '127.0.0.1')
  socket.write(request('{"inputs":[{"text":"a"}]}').repeat(3))
  await rater.started
  await until(() => came() === 3)
  socket.destroy()
  await ended()
  rater.release()
})

t.test('a reply that closes the connection', async (t) => {
  const { port, came, ended } = await serve(t)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(request('{"a').repeat(3))
  socket.resume()
  await until(() => came() > 0)
  await ended()
  socket.destroy()
})
