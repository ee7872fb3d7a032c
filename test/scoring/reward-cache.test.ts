import t from 'tap'
import type { EngineSequence } from '../../src/engine/contract.js'
import type { CallerState, HeadValues, RatedSequence } from '../../src/scheduling/rated-sequence.js'
import { ArmormError } from '../../src/errors.js'
import { RewardCache } from '../../src/scoring/reward-cache.js'

const sequence = (ids: number[], gateIndex = 0): EngineSequence => ({ ids: Int32Array.from(ids), gateIndex })

function rated(score: number, values: Partial<HeadValues> = {}): RatedSequence {
  const row = Float32Array.of(score)
  const run = { origin: 'run', batchSize: 1, queueMs: 2, runMs: 3 } as const
  return { score, ratings: row, gating: row, adjusted: row, ...values, ...run }
}

interface HeldRun {
  readonly succeed: (score: number, values?: Partial<HeadValues>) => void
  readonly fail: (error: Error) => void
  readonly caller: CallerState
}

/** A rater whose work is ended by hand, under a cache. */
function held(maxBytes = 1e6, revision = 'r', before?: RewardCache) {
  const runs: HeldRun[] = []
  const cache = new RewardCache(
    {
      rate: (_sequence, caller) =>
        new Promise((resolve, reject) =>
          runs.push({ succeed: (score, values) => resolve(rated(score, values)), fail: reject, caller: caller! })
        )
    },
    { maxBytes, revision },
    before
  )
  return { cache, runs }
}

t.test('an exact repeat is answered from memory, bit for bit', async (t) => {
  const { cache, runs } = held()
  const values = {
    ratings: Float32Array.of(0.1, -0),
    gating: Float32Array.of(0.25, 0.75),
    adjusted: Float32Array.of(1e-40, 3)
  }
  const first = cache.rate(sequence([1, 2, 3], 1))
  runs[0]!.succeed(0.1, values)
  t.equal((await first).origin, 'run')
  const again = await cache.rate(sequence([1, 2, 3], 1))
  t.strictSame(again, { score: 0.1, ...values, origin: 'cache', batchSize: 0, queueMs: 0, runMs: 0 })
  t.equal(runs.length, 1)
})

t.test('the cache of the next model keeps what is remembered; rewards of another revision are no repeat', async (t) => {
  const first = held(1e6, 'one')
  const [a, b] = [sequence([1, 2]), sequence([3, 4])]
  const work = first.cache.rate(a)
  first.runs[0]!.succeed(1)
  await work
  const running = first.cache.rate(b)

  const second = held(1e6, 'two', first.cache)
  t.equal(second.cache.bytes, first.cache.bytes)
  t.strictSame(second.cache.cost([a, b]), { tokens: 4, conversations: 2 })
  const others = [second.cache.rate(a), second.cache.rate(b)]
  t.equal(second.runs.length, 2, 'neither remembered nor joined')
  for (const [i, { succeed }] of second.runs.entries()) succeed(10 + i)
  first.runs[1]!.succeed(2)
  t.equal((await running).score, 2)
  t.strictSame(
    (await Promise.all(others)).map(({ score, origin }) => [score, origin]),
    [
      [10, 'run'],
      [11, 'run']
    ]
  )

  const again = held(1e6, 'one', second.cache)
  t.match(await again.cache.rate(a), { score: 1, origin: 'cache' }, 'when the first model is back')
  t.equal(again.runs.length, 0)
})

t.test('other ids, another gate position or order are other work', async (t) => {
  const { cache, runs } = held()
  for (const other of [
    sequence([1, 2, 3], 1),
    sequence([1, 2, 3], 2),
    sequence([1, 3, 2], 1),
    sequence([1, 2], 1),
    sequence([1, 2, 3, 0], 1)
  ]) {
    const work = cache.rate(other)
    runs.at(-1)!.succeed(runs.length)
    t.equal((await work).score, runs.length)
  }
  t.equal(runs.length, 5)
})

t.test('a view into a larger buffer is keyed by what it shows', async (t) => {
  const { cache, runs } = held()
  const buffer = Int32Array.of(9, 1, 2, 9)
  const work = cache.rate({ ids: buffer.subarray(1, 3), gateIndex: 0 })
  runs[0]!.succeed(1)
  await work
  t.equal((await cache.rate(sequence([1, 2]))).origin, 'cache')
})

t.test('identical work in flight is joined', async (t) => {
  const { cache, runs } = held(0)
  const all = [1, 2, 3].map(() => cache.rate(sequence([1])))
  t.equal(runs.length, 1)
  runs[0]!.succeed(7)
  t.strictSame(
    (await Promise.all(all)).map(({ origin, score }) => [origin, score]),
    [
      ['run', 7],
      ['joined', 7],
      ['joined', 7]
    ]
  )
  t.equal(cache.bytes, 0)
  void cache.rate(sequence([1]))
  t.equal(runs.length, 2, 'a cache of no bytes keeps nothing')
})

t.test('whoever leaves leaves the work to the others; when all have left it may be dropped', async (t) => {
  const { cache, runs } = held()
  const [a, b] = [new AbortController(), new AbortController()]
  const both = [cache.rate(sequence([1]), a.signal), cache.rate(sequence([1]), b.signal)]
  t.equal(runs[0]!.caller.aborted, false)
  a.abort(new Error('a has gone'))
  t.equal(runs[0]!.caller.aborted, false)
  b.abort(new Error('b has gone'))
  t.equal(runs[0]!.caller.aborted, true)
  t.match(runs[0]!.caller.reason, { message: 'a has gone' })
  const late = cache.rate(sequence([1]))
  t.equal(runs.length, 1)
  t.equal(runs[0]!.caller.aborted, false, 'somebody waits for it again')
  runs[0]!.succeed(5)
  t.strictSame(
    (await Promise.all([...both, late])).map(({ score }) => score),
    [5, 5, 5]
  )
})

t.test('joined work is wanted as long as any of its callers wants it', async (t) => {
  const { cache, runs } = held()
  const caller = (deadline?: number) => ({
    aborted: false,
    reason: 'gone',
    ...(deadline !== undefined && { deadline })
  })
  const [soon, later, patient] = [caller(10), caller(20), caller()]
  void cache.rate(sequence([1]), soon)
  t.equal(runs[0]!.caller.deadline, 10)
  void cache.rate(sequence([1]), later)
  t.equal(runs[0]!.caller.deadline, 20)
  later.aborted = true
  t.equal(runs[0]!.caller.deadline, 10, 'one who has gone wants nothing')
  void cache.rate(sequence([1]), patient)
  t.equal(runs[0]!.caller.deadline, Infinity)
  t.equal(runs.length, 1)
})

t.test('work that was dropped is not joined', async (t) => {
  const { cache, runs } = held()
  const leaving = new AbortController()
  const gone = cache.rate(sequence([1]), leaving.signal)
  leaving.abort(new Error('gone'))
  runs[0]!.fail(new Error('gone'))
  await t.rejects(gone, { message: 'gone' })
  const fresh = cache.rate(sequence([1]))
  t.equal(runs.length, 2)
  runs[1]!.succeed(6)
  t.equal((await fresh).score, 6)
})

t.test('failures reach all who wait and are not kept', async (t) => {
  const { cache, runs } = held()
  const both = [cache.rate(sequence([1])), cache.rate(sequence([1]))]
  runs[0]!.fail(new Error('engine'))
  for (const work of both) await t.rejects(work, { message: 'engine' })
  const retry = cache.rate(sequence([1]))
  runs[1]!.succeed(1)
  t.equal((await retry).origin, 'run')
})

t.test('a value that is not finite is passed on, never kept', async (t) => {
  const { cache, runs } = held()
  const work = cache.rate(sequence([1]))
  runs[0]!.succeed(NaN)
  t.ok(Number.isNaN((await work).score))
  void cache.rate(sequence([1]))
  t.equal(runs.length, 2)
})

t.test('memory is bounded: the least recently used go first', async (t) => {
  const { cache, runs } = held(3000)
  for (let id = 0; id < 20; id++) {
    const work = cache.rate(sequence([id]))
    runs[id]!.succeed(id)
    await work
  }
  t.ok(cache.bytes > 0 && cache.bytes <= 3000)
  t.equal((await cache.rate(sequence([19]))).origin, 'cache')
  void cache.rate(sequence([0]))
  t.equal(runs.length, 21)
})

t.test('what has to be computed is neither kept nor under way, and counts once', async (t) => {
  const { cache, runs } = held()
  const kept = cache.rate(sequence([1, 2]))
  runs[0]!.succeed(1)
  await kept
  void cache.rate(sequence([3, 4]))
  const asked = [[1, 2], [3, 4], [5, 6, 7], [5, 6, 7], [8]].map((ids) => sequence(ids))
  t.strictSame(cache.cost(asked), { tokens: 4, conversations: 2 })
  t.equal(runs.length, 2, 'nothing is started')
})

t.test('who joins work in the moment in which it is given up has it run', async (t) => {
  const { cache, runs } = held()
  const leaving = { aborted: true, reason: new ArmormError('client_closed', 'gone') }
  const first = cache.rate(sequence([1]), leaving)
  const joined = cache.rate(sequence([1]), { aborted: false, reason: null })
  const late = cache.rate(sequence([1]), { aborted: false, reason: null, deadline: 0 })
  runs[0]!.fail(leaving.reason)
  await t.rejects(first, { code: 'client_closed' })
  await t.rejects(late, { code: 'client_closed' })
  runs[1]!.succeed(7)
  t.equal((await joined).score, 7)
  t.equal(runs.length, 2)
})

t.test('joined work is bulk work only while all who wait for it say so', async (t) => {
  const { cache, runs } = held()
  void cache.rate(sequence([1]), { aborted: false, reason: null, bulk: true })
  t.equal(runs[0]!.caller.bulk, true)
  void cache.rate(sequence([1]), { aborted: false, reason: null })
  t.equal(runs[0]!.caller.bulk, false)
})
