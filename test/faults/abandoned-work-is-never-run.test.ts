/** Clients that go away free what they asked for before it runs, wherever it is by then. */
import t from 'tap'
import { overloaded, score, send, text } from '../support/overload.js'
import { until } from '../support/until.js'
import { fakeTokenizer } from '../http/helpers.js'

t.test('of 200 abandoned requests none runs, and one that comes then goes next', async (t) => {
  const { app, queue, batches, dropped } = await overloaded(t, { maxTokens: 100_000 })
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  const names = Array.from({ length: 200 }, (_, i) => text(`abandoned ${i}`, 20))
  const sockets = await Promise.all(
    names.map((name) => send(app, '/score', { inputs: [{ text: name }, { text: `${name}!` }] }))
  )
  await until(() => queue.depth === 400)
  for (const socket of sockets) socket.destroy()
  await until(() => queue.depth === 0)
  t.equal(queue.queuedTokens, 0)
  t.strictSame([dropped.length, new Set(dropped)], [400, new Set(['gone'])])
  const live = score(app, ['live'])
  await until(() => queue.depth === 1)
  batches[0]!.end()
  await until(() => batches.length === 2)
  t.strictSame(batches[1]!.texts, ['live'])
  batches[1]!.end()
  t.equal((await live).statusCode, 200)
  const metrics = (await app.inject({ url: '/metrics' })).body
  t.match(metrics, /^armorm_http_requests_total\{route="\/score",method="POST",status="499"\} 200$/m)
})

t.test('room that they held is there for others at once, while the batch before them still runs', async (t) => {
  const { app, queue, admission, batches } = await overloaded(t)
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  const socket = await send(app, '/score', { inputs: [{ text: text('abandoned', 100) }] })
  await until(() => queue.depth === 1)
  const waiting = app.inject({
    method: 'POST',
    url: '/align-anything',
    payload: { prompts: [text('line', 79)], responses: ['x'] }
  })
  await until(() => admission.lineRequests === 1)
  socket.destroy()
  await until(() => admission.lineRequests === 0 && queue.depth === 1)
  t.equal(queue.queuedTokens, 80)
  t.equal(batches.length, 1)
  batches[0]!.end()
  await until(() => batches.length === 2)
  batches[1]!.end()
  t.equal((await waiting).statusCode, 200)
})

t.test('texts that are tokenized when their client goes never reach the queue, and hold no room', async (t) => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const callers: boolean[] = []
  const { app, queue, admission, batches, tokenized } = await overloaded(t, {
    tokenizer: {
      async encode(conversation, truncation, caller) {
        await gate
        callers.push(caller?.aborted ?? false)
        return fakeTokenizer.encode(conversation, truncation, caller)
      }
    }
  })
  const socket = await send(app, '/score', { inputs: [{ text: text('a', 40) }, { text: text('b', 40) }] })
  await until(() => tokenized.length === 2)
  t.equal(admission.reservedTokens, 20)
  socket.destroy()
  await until(async () => /status="499"\} 1$/m.test((await app.inject({ url: '/metrics' })).body))
  release()
  await until(() => admission.reservedTokens === 0)
  t.strictSame(callers, [true, true], 'the tokenizer can see that nobody waits')
  t.strictSame([queue.depth, batches.length], [0, 0])
})

t.test('what one who stays has joined is run for that one', async (t) => {
  const { app, queue, batches } = await overloaded(t)
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  const socket = await send(app, '/score', { inputs: [{ text: text('both', 20) }] })
  await until(() => queue.depth === 1)
  const staying = score(app, [text('both', 20)])
  await until(async () => /^armorm_inflight 4$/m.test((await app.inject({ url: '/metrics' })).body))
  socket.destroy()
  await until(async () => /status="499"\} 1$/m.test((await app.inject({ url: '/metrics' })).body))
  t.equal(queue.depth, 1)
  batches[0]!.end()
  await until(() => batches.length === 2)
  batches[1]!.end()
  t.equal((await staying).statusCode, 200)
})
