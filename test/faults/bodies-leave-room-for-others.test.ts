/** Large bodies that arrive together are parsed one a turn of the event loop: what else comes is answered between them. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Turns } from '../../src/http/turns.js'
import { fakeApp } from '../http/helpers.js'
import { until } from '../support/until.js'

const LARGE = { inputs: [{ text: 'a' }], note: 'x'.repeat(64 * 1024) }
const SMALL = { inputs: [{ text: 'a' }] }

t.test('a turn for each large body, none for small ones', async (t) => {
  const app = await fakeApp(t)
  let turn = 0
  let counting = true
  const count = () => void (turn++, counting && setImmediate(count))
  count()
  const turns: { size: number; turn: number }[] = []
  app.addHook('preValidation', async ({ headers }) => {
    turns.push({ size: Number(headers['content-length']), turn })
  })
  const post = (payload: object) => app.inject({ method: 'POST', url: '/score', payload })
  await Promise.all([...Array.from({ length: 8 }, () => post(LARGE)), ...Array.from({ length: 8 }, () => post(SMALL))])
  counting = false
  const large = turns.filter(({ size }) => size > 64 * 1024)
  t.equal(large.length, 8)
  t.equal(new Set(large.map(({ turn }) => turn)).size, 8)
  const lastSmall = Math.max(...turns.filter((each) => !large.includes(each)).map(({ turn }) => turn))
  t.ok(lastSmall <= large[1]!.turn, 'small ones wait for no large one')
})

t.test('what is large only when it is inflated has its turn, too', async (t) => {
  const app = await fakeApp(t)
  let waits = 0
  t.intercept(Turns.prototype, 'take', { value: async () => void waits++ })
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const post = (body: object) =>
    app.inject({ method: 'POST', url: '/v2/models/tiny/infer', payload: gzipSync(JSON.stringify(body)), headers })
  await post(SMALL)
  t.equal(waits, 0)
  await post(LARGE)
  t.equal(waits, 1)
})

t.test('in the order in which they came, at once where nobody is before', async (t) => {
  const turns = new Turns()
  const order: string[] = []
  await turns.take()
  await Promise.all(['a', 'b', 'c'].map(async (name) => turns.take().then(() => order.push(name))))
  t.strictSame(order, ['a', 'b', 'c'])
  await new Promise(setImmediate)
  setImmediate(() => order.push('a turn later'))
  await turns.take()
  order.push('d')
  t.strictSame(order, ['a', 'b', 'c', 'd'])
})

t.test('one whose client has gone by then is not parsed', async (t) => {
  const app = await fakeApp(t)
  const parsed: string[] = []
  app.addHook('preValidation', async ({ id }) => void parsed.push(id))
  let waits = 0
  let go = () => {}
  t.intercept(Turns.prototype, 'take', {
    value: () => {
      waits++
      return new Promise<void>((resolve) => (go = resolve))
    }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const body = JSON.stringify(LARGE)
  socket.write(`POST /score HTTP/1.1\r\nHost: a\r\nX-Request-Id: gone\r\nContent-Type: application/json\r\n`)
  socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`)
  await until(() => waits === 1)
  socket.destroy()
  await until(() => new Promise((resolve) => app.server.getConnections((_error, open) => resolve(open === 0))))
  go()
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.strictSame(parsed, [])
})
