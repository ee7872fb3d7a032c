/** Work that the queue would keep beyond its deadline is refused when it comes; what expires all the same never runs. */
import t from 'tap'
import { overloaded, score, text } from '../support/overload.js'
import { until } from '../support/until.js'

const within = (ms: number) => ({ 'x-request-timeout-ms': String(ms) })

t.test(
  'a deadline that the work ahead overruns is refused with 429, and the time until it could be kept',
  async (t) => {
    // 10 tokens run and 50 wait at 100 a second: with its own batch, and a fifth of caution, about a second.
    const { app, queue, batches, refusals, tokenized } = await overloaded(t)
    void score(app, [text('running', 10)])
    await until(() => batches.length === 1)
    void score(app, [text('waiting', 50)])
    await until(() => queue.depth === 1)
    const before = tokenized.length
    const refused = await score(app, [text('late', 20)], within(500))
    t.equal(refused.statusCode, 429)
    t.match(refused.json(), { error: { code: 'overloaded', details: { reason: 'deadline' } } })
    const { retry_after_seconds: seconds } = refused.json<{
      error: { details: { retry_after_seconds: number } }
    }>().error.details
    t.ok(seconds > 0.3 && seconds < 1.2, String(seconds))
    t.equal(tokenized.length, before)
    t.strictSame(refusals, ['deadline'])
    void score(app, [text('timely', 20)], within(60_000))
    await until(() => queue.depth === 2)
  }
)

t.test('one before which nothing waits is tried, however little time it has', async (t) => {
  const { app, batches } = await overloaded(t, { tokensPerSecond: 1 })
  const request = score(app, [text('a', 50)], within(5000))
  await until(() => batches.length === 1)
  batches[0]!.end()
  t.equal((await request).statusCode, 200)
})

t.test('interactive work counts only what goes before it', async (t) => {
  const { app, queue, batches } = await overloaded(t)
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  void score(app, [text('bulk', 70)], { 'x-priority': 'bulk' })
  await until(() => queue.depth === 1)
  t.equal((await score(app, ['late'], { 'x-priority': 'bulk', ...within(900) })).statusCode, 429)
  void score(app, ['timely'], within(900))
  await until(() => queue.depth === 2)
})

t.test('what expires while it waits is answered 504, makes room and never runs', async (t) => {
  const { app, queue, batches, dropped } = await overloaded(t, { tokensPerSecond: 2000 })
  void score(app, [text('running', 99)])
  await until(() => batches.length === 1)
  t.equal((await score(app, [text('late', 90)], within(250))).statusCode, 504)
  await until(() => queue.depth === 0)
  t.equal(dropped.length, 1)
  const next = score(app, [text('next', 90)])
  await until(() => queue.depth === 1)
  batches[0]!.end()
  await until(() => batches.length === 2)
  t.strictSame(batches[1]!.texts, [text('next', 90)])
  batches[1]!.end()
  t.equal((await next).statusCode, 200)
})
