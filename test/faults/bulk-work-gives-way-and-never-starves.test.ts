/** Interactive work goes before bulk work, which has room and time that are never taken from it. */
import t from 'tap'
import { bulkContracts } from '../../src/http/contracts/bulk.js'
import { post } from '../http/contracts/support.js'
import { overloaded, score, text } from '../support/overload.js'
import { until } from '../support/until.js'

const BULK = { 'x-priority': 'bulk' }

t.test('interactive requests that come later go first; a fifth of the tokens stays with bulk work', async (t) => {
  const { app, queue, batches } = await overloaded(t, { maxTokens: 1000 })
  const requests = [score(app, [text('running', 10)])]
  await until(() => batches.length === 1)
  for (let i = 0; i < 5; i++) requests.push(score(app, [text(`B${i}`, 10)], BULK))
  await until(() => queue.depth === 5)
  for (let i = 0; i < 12; i++) requests.push(score(app, [text(`i${i}`, 10)]))
  await until(() => queue.depth === 17)
  for (let i = 0; i < 18; i++) {
    await until(() => batches.length > i)
    batches[i]!.end()
  }
  for (const request of requests) t.equal((await request).statusCode, 200)
  const order = batches.flatMap(({ texts }) => texts.map((each) => each[0])).join('')
  t.equal(order, 'riBiiiiBiiiiBiiiBB')
})

t.test('bulk work fills three quarters of the queue; the rest is left to interactive work', async (t) => {
  const { app, queue, batches } = await overloaded(t)
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  void score(app, [text('B', 60)], BULK)
  await until(() => queue.depth === 1)
  t.equal((await score(app, [text('C', 20)], BULK)).statusCode, 429)
  void score(app, [text('i', 20)])
  await until(() => queue.depth === 2)
  t.equal((await score(app, [text('j', 25)])).statusCode, 429)
})

t.test('contracts may be bulk by an option; a header says otherwise', async (t) => {
  const { app, queue, batches } = await overloaded(t, { bulk: ['align-anything'] })
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  void post(app, '/align-anything', { prompts: ['a'], responses: ['b'] })
  await until(() => queue.waiting(true).conversations === 1)
  const payload = { prompts: ['c'], responses: ['d'] }
  void app.inject({ method: 'POST', url: '/align-anything', payload, headers: { 'x-priority': 'interactive' } })
  await until(() => queue.waiting(false).conversations === 1)
})

t.test('bulk work that an interactive request joins goes with those', async (t) => {
  const { app, queue, batches } = await overloaded(t, { maxTokens: 1000 })
  void score(app, [text('running', 10)])
  await until(() => batches.length === 1)
  for (const name of ['A', 'B', 'C']) void score(app, [text(name, 10)], BULK)
  await until(() => queue.depth === 3)
  const joining = score(app, [text('C', 10)])
  await until(async () => /^armorm_inflight 6$/m.test((await app.inject({ url: '/metrics' })).body))
  batches[0]!.end()
  await until(() => batches.length === 2)
  t.strictSame(batches[1]!.texts, [text('C', 10)])
  batches[1]!.end()
  t.equal((await joining).statusCode, 200)
})

t.test('a priority or a contract that is none is refused by its name', async (t) => {
  const { app } = await overloaded(t)
  const reply = await score(app, ['a'], { 'x-priority': 'urgent' })
  t.equal(reply.statusCode, 400)
  t.match(reply.json(), { error: { message: /header x-priority must be interactive or bulk/ } })
  t.strictSame([...bulkContracts('openrlhf, slime')], ['openrlhf', 'slime'])
  t.equal(bulkContracts('none').size, 0)
  t.throws(() => bulkContracts('openrlhf,trl'), { code: 'invalid_config', message: /bulkContracts names "trl"/ })
})
