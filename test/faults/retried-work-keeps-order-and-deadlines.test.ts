/** Work that is tried again keeps its place; what nobody waits for by then is dropped; the measured rate stays true. */
import t, { type Test } from 'tap'
import { BatchQueue } from '../../src/scheduling/batch-queue.js'
import { sequence } from '../support/engines.js'
import { fakeEngine, FakeProcess, loads, type RunMessage } from '../support/fake-process.js'
import { until } from '../support/until.js'

/** A queue over an engine without processes whose runs the test ends, in order: with an answer, or with its death. */
async function controlled(t: Test) {
  const runs: { ids: number[]; answer: () => void; die: () => void }[] = []
  const engine = fakeEngine({
    start: FakeProcess.starter({
      load: loads,
      run: (self: FakeProcess, message: RunMessage, done) => {
        const answer = () => {
          self.answer(message)
          done()
        }
        runs.push({ ids: message.batch.map(({ ids }) => ids[0]!), answer, die: () => self.die(7) })
      }
    })
  })
  t.teardown(() => engine.close())
  await engine.load()
  let now = 0
  const queue = new BatchQueue(engine, { objectives: 1, maxBatchTokens: 4, maxBatchSequences: 4, now: () => now })
  const next = async (place: number) => {
    await until(() => runs.length > place)
    return runs[place]!
  }
  return { engine, queue, next, pass: (ms: number) => (now += ms) }
}

t.test('the batch, then the one behind it, then what came later', async (t) => {
  const { queue, next, pass } = await controlled(t)
  const done: number[] = []
  const ask = (id: number) => queue.rate(sequence([id])).then(({ score }) => void done.push(score))
  const first = [1, 2, 3, 4].map(ask)
  const run = await next(0)
  pass(1)
  const later = [5, 6, 7, 8].map(ask)
  run.die()
  const again = await next(1)
  t.strictSame(again.ids, [1, 2, 3, 4])
  again.answer()
  const behind = await next(2)
  t.strictSame(behind.ids, [5, 6, 7, 8])
  behind.answer()
  await Promise.all([...first, ...later])
  t.strictSame(done, [1, 2, 3, 4, 5, 6, 7, 8])
})

t.test('what failed goes before all that the engine has not been given yet', async (t) => {
  const { engine, next } = await controlled(t)
  const all = [1, 2, 3].map((id) => engine.run([sequence([id]), sequence([10 * id])]))
  ;(await next(0)).die()
  ;(await next(1)).die()
  const order: number[][] = []
  for (const place of [2, 3, 4, 5]) {
    const { ids, answer } = await next(place)
    order.push(ids)
    answer()
  }
  t.strictSame(order, [[1], [10], [2, 20], [3, 30]])
  await Promise.all(all)
})

t.test('whose caller has left or whose time is over is not run again, and is told so', async (t) => {
  const { queue, next, pass } = await controlled(t)
  const gone = { aborted: false, reason: new Error('gone') }
  const stays = queue.rate(sequence([1]))
  const leaves = t.rejects(queue.rate(sequence([2]), gone), { message: 'gone' })
  const late = queue.rate(sequence([3]), { aborted: false, reason: undefined, deadline: 100 })
  const refused = t.rejects(late, { code: 'deadline_exceeded' })
  const run = await next(0)
  t.strictSame(run.ids, [1, 2, 3])
  gone.aborted = true
  pass(200)
  run.die()
  const again = await next(1)
  t.strictSame(again.ids, [1])
  again.answer()
  t.equal((await stays).score, 1)
  await Promise.all([leaves, refused])
})

t.test('a batch of which nobody waits any more is not run again at all', async (t) => {
  const { queue, next } = await controlled(t)
  const gone = { aborted: false, reason: new Error('gone') }
  const leaves = t.rejects(queue.rate(sequence([2]), gone), { message: 'gone' })
  const run = await next(0)
  gone.aborted = true
  run.die()
  await leaves
  const after = queue.rate(sequence([9]))
  t.strictSame((await next(1)).ids, [9])
  ;(await next(1)).answer()
  t.equal((await after).score, 9)
})

t.test('what was left out because nobody waited is run all the same for who has joined it since', async (t) => {
  const { engine, queue, next } = await controlled(t)
  const before = [9, 8].map((id) => engine.run([sequence([id])]))
  const caller = { aborted: false, reason: new Error('gone') }
  const joined = queue.rate(sequence([1, 1]), caller)
  const kept = queue.rate(sequence([2, 2]))
  const first = await next(0)
  await until(() => queue.depth === 0)
  // The engine asks when there is room for the batch; its answer comes when those before it have theirs.
  caller.aborted = true
  first.answer()
  const second = await next(1)
  caller.aborted = false
  second.answer()
  const third = await next(2)
  t.strictSame(third.ids, [2])
  third.answer()
  const fourth = await next(3)
  t.strictSame(fourth.ids, [1])
  fourth.answer()
  t.equal((await joined).score, 2)
  t.equal((await kept).score, 4)
  await Promise.all(before)
})

t.test('what is refused alone fails its own caller; a time with a restart in it does not count', async (t) => {
  const { queue, next, pass } = await controlled(t)
  const [good, bad] = [queue.rate(sequence([1])), queue.rate(sequence([2]))]
  const refused = t.rejects(bad, { code: 'engine_failed', message: /this conversation ended the engine/ })
  for (const place of [0, 1]) (await next(place)).die()
  pass(10_000)
  ;(await next(2)).answer()
  ;(await next(3)).die()
  t.equal((await good).score, 1)
  await refused
  t.equal(queue.tokensPerSecond, 0, 'nothing is known')
  const last = queue.rate(sequence([3]))
  const run = await next(4)
  pass(100)
  run.answer()
  await last
})
