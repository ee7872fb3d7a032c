import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { Engine, EngineCapacity, EngineSequence, HeadOutputs } from '../../src/engine/contract.js'
import { ArmormError } from '../../src/errors.js'
import { type BatchInfo, BatchQueue, type BatchQueueOptions } from '../../src/scheduling/batch-queue.js'
import { sequence } from '../support/engines.js'
import { until } from '../support/until.js'

interface HeldBatch {
  readonly batch: readonly EngineSequence[]
  /** First id of each sequence. */
  readonly firsts: number[]
  readonly succeed: () => void
  readonly fail: (error: Error) => void
}

/** An engine whose batches stay open until the test ends them. Two objectives. */
function heldEngine(capacity: EngineCapacity | null): { engine: Engine; batches: HeldBatch[] } {
  const batches: HeldBatch[] = []
  const engine: Engine = {
    load: async () => {},
    health: () => ({ state: 'ready', restarts: 0 }),
    capacity: () => capacity,
    close: async () => {},
    run: (batch) =>
      new Promise((resolve, reject) => {
        const firsts = batch.map(({ ids }) => ids[0]!)
        batches.push({ batch, firsts, succeed: () => resolve(outputsFor(firsts)), fail: reject })
      })
  }
  return { engine, batches }
}

/** Every number says which sequence it is for. */
function outputsFor(firsts: readonly number[]): HeadOutputs {
  const pairs = (base: number) => Float32Array.from(firsts.flatMap((first) => [base + first, base + first + 0.5]))
  return { ratings: pairs(100), gating: pairs(200), adjusted: pairs(300), score: Float32Array.from(firsts) }
}

function held({ capacity = null, ...options }: Partial<BatchQueueOptions> & { capacity?: EngineCapacity | null } = {}) {
  const { engine, batches } = heldEngine(capacity)
  const reports: BatchInfo[] = []
  const onBatch = (info: BatchInfo) => void reports.push(info)
  const queue = new BatchQueue(engine, {
    objectives: 2,
    maxBatchTokens: 100,
    maxBatchSequences: 10,
    onBatch,
    ...options
  })
  /** A sequence of so many tokens that begins with `first`. */
  const rate = (first: number, tokens = 1) => queue.rate(sequence([first, ...Array<number>(tokens - 1).fill(0)]))
  return { queue, batches, reports, rate }
}

t.test('what arrives in one turn of the event loop runs in one batch, each gets its own row', async (t) => {
  const { batches, rate } = held()
  const rated = Promise.all([rate(1), rate(2), Promise.resolve().then(() => rate(3))])
  await turn()
  t.equal(batches.length, 1)
  t.strictSame(batches[0]!.firsts, [1, 2, 3])
  batches[0]!.succeed()
  for (const [i, row] of (await rated).entries()) {
    const first = i + 1
    t.match(row, {
      ratings: Float32Array.of(100 + first, 100.5 + first),
      gating: Float32Array.of(200 + first, 200.5 + first),
      adjusted: Float32Array.of(300 + first, 300.5 + first),
      score: first,
      batchSize: 3
    })
    t.ok(row.queueMs >= 0 && row.runMs >= 0)
  }
})

t.test('the engine gets the sequences as they are', async (t) => {
  const { queue, batches } = held()
  const asked = sequence([7, 8, 9], 1)
  const rated = queue.rate(asked)
  await turn()
  t.equal(batches[0]!.batch[0], asked)
  batches[0]!.succeed()
  await rated
})

t.test('while a batch runs others wait, and then go together', async (t) => {
  const { queue, batches, rate } = held()
  const first = rate(1)
  await turn()
  const later = [rate(2, 10)]
  await turn()
  later.push(rate(3, 20), rate(4, 5))
  await turn()
  t.equal(batches.length, 1, 'one batch at a time')
  t.equal(queue.depth, 3)
  t.equal(queue.queuedTokens, 35)
  batches[0]!.succeed()
  t.equal((await first).score, 1)
  await turn()
  t.strictSame(batches[1]!.firsts, [2, 3, 4])
  t.equal(queue.depth, 0)
  t.equal(queue.queuedTokens, 0)
  batches[1]!.succeed()
  t.strictSame(
    (await Promise.all(later)).map(({ score }) => score),
    [2, 3, 4]
  )
})

t.test('a batch holds no more than its budgets; the rest keeps its place', async (t) => {
  const { queue, batches, rate } = held({ maxBatchTokens: 12, maxBatchSequences: 2 })
  const all = Promise.all([rate(1, 6), rate(2, 6), rate(3, 4), rate(4, 50), rate(5, 2)])
  t.equal(queue.depth, 5)
  t.equal(queue.queuedTokens, 68)
  await turn()
  t.strictSame(
    batches.map(({ firsts }) => firsts),
    [
      [1, 2],
      [3, 5]
    ],
    'one that runs, and a full one behind it'
  )
  t.strictSame([queue.depth, queue.queuedTokens], [1, 50])
  batches[0]!.succeed()
  await turn()
  t.strictSame(batches[2]!.firsts, [4])
  t.strictSame([queue.depth, queue.queuedTokens], [0, 0])
  for (const { succeed } of batches) succeed()
  t.strictSame(
    (await all).map(({ score, batchSize }) => [score, batchSize]),
    [
      [1, 2],
      [2, 2],
      [3, 2],
      [4, 1],
      [5, 2]
    ]
  )
})

t.test('a batch that is not full waits for company while another runs, and goes when that has ended', async (t) => {
  const { batches, rate } = held({ maxBatchTokens: 12 })
  const all = [rate(1, 3), rate(2, 10)]
  await turn()
  t.equal(batches.length, 1, 'ten of twelve wait: something may come that fits')
  all.push(rate(3, 3))
  await turn()
  t.strictSame(batches[1]!.firsts, [2], 'what came does not')
  all.push(rate(4, 9))
  await turn()
  t.equal(batches.length, 2, 'no third, however full')
  batches[0]!.succeed()
  batches[1]!.succeed()
  await turn()
  t.strictSame(batches[2]!.firsts, [3, 4])
  batches[2]!.succeed()
  await Promise.all(all)
})

t.test('what the engine measured of itself is the target; siblings go beyond it', async (t) => {
  const { queue, batches, rate, reports } = held({
    maxBatchTokens: 100,
    capacity: { targetTokens: 10, tokensPerSecond: 1e6 }
  })
  t.equal(queue.targetTokens, 10)
  t.equal(Math.round(queue.tokensPerSecond), 1e6)
  const shared = (last: number) => queue.rate(sequence([7, 7, 7, 7, 7, 7, last], 5))
  const all = [shared(1), rate(2, 12), shared(3), shared(4), shared(5), shared(6)]
  await turn()
  t.strictSame(
    batches.map(({ batch }) => batch.length),
    [5, 1]
  )
  for (const { succeed } of batches) succeed()
  await Promise.all(all)
  t.match(reports, [
    { sequences: 5, tokens: 35, distinctTokens: 11 },
    { sequences: 1, tokens: 12, distinctTokens: 12 }
  ])
})

t.test('of what came later, no more than eight batches of the largest size are looked at', async (t) => {
  for (const [others, first] of [
    [12, [1, 3]],
    [13, [1]]
  ] as const) {
    const { batches, rate } = held({ maxBatchTokens: 10 })
    // Of six tokens no two go together; the last would fit beside the first.
    const all = [rate(1, 6), ...Array.from({ length: others }, () => rate(2, 6)), rate(3, 4)]
    await turn()
    t.strictSame(batches[0]!.firsts, first, `${6 * others + 4} tokens after the first`)
    for (let i = 0; i < batches.length; i++) {
      batches[i]!.succeed()
      await turn()
    }
    await Promise.all(all)
  }
})

t.test('what could not wait for three batches more goes beyond the target', async (t) => {
  for (const [deadline, firsts] of [
    [300, [1, 2]],
    [301, [1]]
  ] as const) {
    // Ten tokens take 100 ms.
    const { queue, batches, rate } = held({ now: () => 0, capacity: { targetTokens: 10, tokensPerSecond: 100 } })
    const first = rate(1, 8)
    const hurried = queue.rate(sequence([2, 0, 0, 0, 0, 0, 0, 0]), { aborted: false, reason: null, deadline })
    await turn()
    t.strictSame(batches[0]!.firsts, firsts, `${deadline} ms`)
    batches[0]!.succeed()
    await first
    await turn()
    batches[1]?.succeed()
    await hurried
  }
})

t.test('the batch behind is planned late, when the one that runs is about to end', async (t) => {
  let now = 0
  // 100 tokens a second: ten tokens take 100 ms.
  const capacity = { targetTokens: 10, tokensPerSecond: 100 }
  const { batches, rate, reports } = held({ now: () => now, capacity })
  const all = [rate(1, 10), rate(2, 10), rate(3, 10)]
  await turn()
  t.equal(batches.length, 1)
  now = 74
  all.push(rate(4, 10))
  await turn()
  t.equal(batches.length, 1)
  now = 75
  all.push(rate(5, 10))
  await turn()
  t.strictSame(batches[1]!.firsts, [2])
  now = 110
  batches[0]!.succeed()
  await turn()
  now = 200
  batches[1]!.succeed()
  await turn()
  t.match(reports, [{ runMs: 110 }, { runMs: 90 }], 'the second began when the first had ended')
  now = 1000
  for (let i = 2; i < 5; i++) {
    batches[i]!.succeed()
    await turn()
  }
  const rated = await Promise.all(all)
  t.strictSame([rated[0]!.queueMs, rated[1]!.queueMs], [0, 110])
})

t.test('behind a batch of less than 20 ms the next is planned at once', async (t) => {
  for (const [tokensPerSecond, planned] of [
    [500, 2],
    [499, 1]
  ] as const) {
    const { batches, rate } = held({ now: () => 0, capacity: { targetTokens: 10, tokensPerSecond } })
    const all = [rate(1, 10), rate(2, 10)]
    await turn()
    t.equal(batches.length, planned, `${tokensPerSecond} tokens a second`)
    for (let i = 0; i < 2; i++) {
      batches[i]!.succeed()
      await turn()
    }
    await Promise.all(all)
  }
})

t.test('a target beyond the largest batch is that', async (t) => {
  const capacity = { targetTokens: 100, tokensPerSecond: 100 }
  t.equal(held({ maxBatchTokens: 12, capacity }).queue.targetTokens, 12)
  t.equal(held({ maxBatchTokens: 12 }).queue.targetTokens, 12, 'nothing was measured')
})

t.test('a batch behind is planned by itself, without anything that arrives', async (t) => {
  const { batches, rate } = held({ capacity: { targetTokens: 10, tokensPerSecond: 250 } })
  const all = [rate(1, 10), rate(2, 10)]
  await turn()
  t.equal(batches.length, 1)
  await until(() => batches.length === 2)
  for (const { succeed } of batches) succeed()
  await Promise.all(all)
})

t.test('what is out of time never runs', async (t) => {
  let now = 0
  const { queue, batches, rate } = held({ now: () => now })
  const caller = (deadline: number) => ({ aborted: false, reason: null, deadline })
  const running = rate(1)
  await turn()
  const late = t.rejects(queue.rate(sequence([2]), caller(100)), { code: 'deadline_exceeded' })
  const timely = queue.rate(sequence([3]), caller(101))
  now = 100
  batches[0]!.succeed()
  await Promise.all([running, late])
  t.strictSame(batches[1]!.firsts, [3])
  batches[1]!.succeed()
  await timely
  t.equal(queue.queuedTokens, 0)
})

t.test('a batch that fails fails its own sequences; the queue goes on', async (t) => {
  const { batches, rate, reports } = held()
  const error = new ArmormError('engine_failed', 'twice')
  const failing = [t.rejects(rate(1), error), t.rejects(rate(2), error)]
  await turn()
  const next = rate(3, 4)
  batches[0]!.fail(error)
  await Promise.all(failing)
  await turn()
  t.strictSame(batches[1]!.firsts, [3])
  batches[1]!.succeed()
  t.equal((await next).score, 3)
  t.match(reports, [
    { sequences: 2, tokens: 2, distinctTokens: 2, failed: true },
    { sequences: 1, tokens: 4, distinctTokens: 4, failed: false }
  ])
})

t.test('starts again after it ran empty', async (t) => {
  const { batches, rate } = held()
  for (const first of [1, 2, 3]) {
    const rated = rate(first)
    await turn()
    batches.at(-1)!.succeed()
    t.equal((await rated).score, first)
    await turn()
  }
  t.equal(batches.length, 3)
})

t.test('close refuses what waits and what comes; the batch that runs is answered', async (t) => {
  const { queue, batches, rate } = held()
  const running = rate(1)
  await turn()
  const refused = { code: 'shutting_down' }
  const waiting = t.rejects(rate(2, 30), refused)
  queue.close()
  await waiting
  t.equal(queue.depth, 0)
  t.equal(queue.queuedTokens, 0)
  await t.rejects(rate(3), refused)
  batches[0]!.succeed()
  t.equal((await running).score, 1)
  await turn()
  t.equal(batches.length, 1)
  queue.close()
})

t.test('close before the first turn: nothing runs', async (t) => {
  const { queue, batches, rate } = held()
  const refused = t.rejects(rate(1), { code: 'shutting_down' })
  queue.close()
  await refused
  await turn()
  t.equal(batches.length, 0)
})

t.test('what nobody waits for any more is dropped before it runs; what runs is finished', async (t) => {
  const { queue, batches } = held()
  const [first, second] = [new AbortController(), new AbortController()]
  const running = queue.rate(sequence([1]), first.signal)
  await turn()
  const gone = new Error('gone')
  const dropped = t.rejects(queue.rate(sequence([2]), first.signal), gone)
  const kept = queue.rate(sequence([3]), second.signal)
  first.abort(gone)
  const late = t.rejects(queue.rate(sequence([4]), first.signal), gone)
  batches[0]!.succeed()
  t.equal((await running).score, 1)
  await Promise.all([dropped, late])
  await turn()
  t.strictSame(batches[1]!.firsts, [3])
  batches[1]!.succeed()
  t.equal((await kept).score, 3)
})

t.test('a queue of which nobody waits any more runs nothing, and starts again', async (t) => {
  const { queue, batches, rate } = held()
  const client = new AbortController()
  const dropped = t.rejects(queue.rate(sequence([1, 2]), client.signal), { name: 'AbortError' })
  client.abort()
  await dropped
  t.equal(batches.length, 0)
  t.equal(queue.depth, 0)
  t.equal(queue.queuedTokens, 0)
  const next = rate(3)
  await turn()
  batches[0]!.succeed()
  t.equal((await next).score, 3)
})
