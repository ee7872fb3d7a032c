/** Overload is refused at once, as a whole, at no cost, and with the time of a next try. */
import t from 'tap'
import { overloaded, score, text } from '../support/overload.js'
import { until } from '../support/until.js'
import { post } from '../http/contracts/support.js'

interface Refused {
  readonly error: {
    readonly code: string
    readonly details: { readonly reason: string; readonly retry_after_seconds: number }
  }
}

t.test('a request is let in with all of its conversations, or with none', async (t) => {
  const { app, queue, batches, tokenized, refusals } = await overloaded(t)
  const running = score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  const waiting = score(app, [text('a', 40), text('b', 40)])
  await until(() => queue.depth === 2)
  const refused = await score(app, [text('c', 15), text('d', 15)])
  t.equal(refused.statusCode, 429)
  t.match(refused.json(), {
    error: {
      code: 'overloaded',
      details: { reason: 'tokens', queued_tokens: 80, queued_conversations: 2 }
    }
  })
  t.equal(queue.depth, 2, 'nothing of it waits')
  const fitting = score(app, [text('e', 10), text('f', 10)])
  await until(() => queue.depth === 4)
  // Now it is full, and that is known before anything is tokenized.
  const before = tokenized.length
  t.equal((await score(app, [text('g', 80)])).statusCode, 429)
  t.equal(tokenized.length, before, 'no text of it was tokenized')
  t.strictSame(refusals, ['tokens', 'tokens'])
  const metrics = (await app.inject({ url: '/metrics' })).body
  t.match(metrics, /^armorm_samples_total\{protocol="score",outcome="rejected"\} 3$/m)
  for (let i = 0; i < 5; i++) {
    await until(() => batches.length > i)
    batches[i]!.end()
  }
  for (const request of [running, waiting, fitting]) t.equal((await request).statusCode, 200)
  t.strictSame(
    batches.flatMap(({ texts }) => texts.map((each) => each[0])),
    ['r', 'a', 'b', 'e', 'f']
  )
})

t.test('conversations are bounded as tokens are', async (t) => {
  const { app, queue, batches } = await overloaded(t, { maxConversations: 3 })
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  void score(app, ['a', 'b'])
  await until(() => queue.depth === 2)
  t.match((await score(app, ['c', 'd'])).json(), {
    error: { code: 'overloaded', details: { reason: 'conversations' } }
  })
  void score(app, ['c'])
  await until(() => queue.depth === 3)
})

t.test('what could never fit is told so, and not to come again', async (t) => {
  const { app, refusals } = await overloaded(t, { maxConversations: 3 })
  const [long, many] = [await score(app, [text('a', 60), text('b', 60)]), await score(app, ['a', 'b', 'c', 'd'])]
  for (const reply of [long, many]) {
    t.equal(reply.statusCode, 413)
    t.notOk('retry-after' in reply.headers)
  }
  t.match(long.json(), { error: { code: 'exceeds_queue', details: { tokens: 120, limit: 100 } } })
  t.match(many.json(), { error: { code: 'exceeds_queue', details: { conversations: 4, limit: 3 } } })
  t.match(long.json<{ error: { message: string } }>().error.message, '--max-queue-tokens')
  t.strictSame(refusals, ['never_fits', 'never_fits'])
})

t.test('where no limit is set a request that finds nothing waiting is let in, however large', async (t) => {
  const { app, queue, admission, batches, runAll } = await overloaded(t, { maxTokens: 0 })
  t.equal(admission.limitTokens, 32_768, 'a minute of 100 tokens a second is less than the least')
  const texts = Array.from({ length: 500 }, (_, i) => text(String(i), 99))
  const large = score(app, texts.slice(0, 100))
  await until(() => batches.length === 1)
  t.equal(queue.depth, 99)
  runAll()
  t.equal((await large).statusCode, 200)
})

t.test('Retry-After is when there will be room at the measured rate, another one for each', async (t) => {
  const { app, queue, batches } = await overloaded(t)
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  void score(app, [text('a', 100)])
  await until(() => queue.depth === 1)
  const replies = []
  for (const name of ['b', 'c', 'd', 'e']) replies.push(await score(app, [text(name, 100)]))
  const seconds = replies.map((reply) => reply.json<Refused>().error.details.retry_after_seconds)
  // The first comes when a hundred tokens have gone, each of the others when the one before has been served.
  // By its characters it has 25 tokens, and so much room is needed.
  t.ok(seconds[0]! > 0.2 && seconds[0]! <= 0.25, String(seconds[0]))
  seconds.slice(1).forEach((each, i) => t.ok(each > seconds[i]! + 0.15 && each < seconds[i]! + 0.26, `${each}`))
  for (const [i, { headers }] of replies.entries()) t.equal(headers['retry-after'], String(Math.ceil(seconds[i]!)))
})

t.test('repeats of what is remembered or under way need no room, and no tokenizer', async (t) => {
  const { app, queue, batches, tokenized } = await overloaded(t)
  const known = score(app, [text('known', 10)])
  await until(() => batches.length === 1)
  batches[0]!.end()
  await known
  void score(app, [text('running', 10)])
  await until(() => batches.length === 2)
  const waiting = score(app, [text('waiting', 100)])
  await until(() => queue.depth === 1)
  const before = tokenized.length
  t.equal((await score(app, [text('known', 10)])).statusCode, 200, 'from memory')
  const joining = score(app, [text('waiting', 100), text('known', 10), text('running', 10)])
  t.equal((await score(app, [text('known', 10), text('new', 40)])).statusCode, 429)
  t.equal(tokenized.length, before)
  batches[1]!.end()
  await until(() => batches.length === 3)
  batches[2]!.end()
  for (const request of [waiting, joining]) t.equal((await request).statusCode, 200)
  t.equal(batches.length, 3)
})

t.test('each contract refuses in its own form, with Retry-After, when even the line is full', async (t) => {
  const { app, queue, batches } = await overloaded(t, { maxLineRequests: 0 })
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  void score(app, [text('a', 100)])
  await until(() => queue.depth === 1)
  const long = text('user', 50)
  for (const [url, body, status] of [
    ['/classify', { text: `<|im_start|>user\n${long}<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n` }, 503],
    ['/v1/models/tiny:predict', { instances: [{ prompt: long, response: 'b' }] }, 429],
    ['/align-anything', { prompts: [long], responses: ['b'] }, 429],
    ['/slime', { prompt: long, response: 'b' }, 429],
    ['/explain', { text: long }, 429]
  ] as const) {
    const reply = await post(app, url, body)
    t.equal(reply.statusCode, status, url)
    t.match(reply.body, /the queue is full/)
    t.match(reply.headers['retry-after'], /^[1-9]\d*$/)
  }
})
