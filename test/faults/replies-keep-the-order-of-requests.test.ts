import t from 'tap'
import { fakeApp, heldRater } from '../http/helpers.js'
import { connected, portOf, received } from '../support/raw-client.js'

const BODY = JSON.stringify({ inputs: [{ text: 'abc' }] })
const SCORE = `POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

t.test('requests sent at once are answered in their order', async (t) => {
  const app = await fakeApp(t)
  const socket = await connected(await portOf(app))
  socket.end(`${SCORE}GET /none HTTP/1.1\r\nHost: a\r\n\r\n${SCORE}GET /livez HTTP/1.1\r\nHost: a\r\n\r\n`)
  t.strictSame(statuses(await received(socket)), [200, 404, 200, 200])
})

t.test('what is no request is refused after the requests before it are answered', async (t) => {
  for (const nonsense of [
    'NONSENSE\r\n\r\n',
    'PUT /score HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n{"a":1}',
    'POST /score HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'
  ]) {
    const held = heldRater()
    const app = await fakeApp(t, { rater: held.rater })
    const socket = await connected(await portOf(app))
    socket.write(SCORE + nonsense)
    setTimeout(() => socket.write(nonsense), 10)
    await held.started
    // Long enough that a refusal that does not wait would be there.
    await new Promise((resolve) => setTimeout(resolve, 50))
    held.release()
    t.strictSame(statuses(await received(socket)), [200, 400], nonsense)
  }
})

t.test('a body that breaks off is refused at once', async (t) => {
  const app = await fakeApp(t)
  const socket = await connected(await portOf(app))
  socket.write('POST /score HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
  t.strictSame(statuses(await received(socket)), [400])
})
