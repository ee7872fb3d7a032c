import fc from 'fast-check'
import t from 'tap'
import { batchMs } from '../../bench/simulate/gpu.js'
import { EventQueue } from '../../bench/simulate/event-queue.js'
import { LIMITS, POLICIES, type Policy } from '../../bench/simulate/policies.js'
import { quantile, scenarioTable, summarize } from '../../bench/simulate/report.js'
import { type Answered, simulate } from '../../bench/simulate/simulate.js'
import { TRAFFIC, type Trainer, type TrafficName, trainers } from '../../bench/simulate/traffic.js'

const NAMES = Object.keys(TRAFFIC) as TrafficName[]
const policy = (name: string): Policy => POLICIES.find((each) => each.name.startsWith(name))!

t.test('things happen in order of time, then of entry', async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const events = new EventQueue()
      const happened: [number, number][] = []
      times.forEach((ms, i) => events.after(ms, () => happened.push([events.now, i])))
      events.run()
      const wanted = times.map((ms, i): [number, number] => [ms, i]).sort(([a, i], [b, j]) => a - b || i - j)
      return JSON.stringify(happened) === JSON.stringify(wanted)
    })
  )
})

/** Sends these conversations once, after 10 ms. */
const once = (set: readonly (readonly [promptKey: number, promptTokens: number, tokens: number])[]): Trainer => ({
  pause: (now) => (now === 0 ? 10 : Infinity),
  set: () => set.map(([promptKey, promptTokens, tokens]) => ({ promptKey, promptTokens, tokens }))
})

t.test('computed by hand: a millisecond a token', async (t) => {
  const run = (chosen: Policy, gpus = 1) =>
    simulate({
      trainers: [
        once([
          [1, 10, 15],
          [2, 5, 20],
          [1, 10, 12]
        ])
      ],
      gpus,
      policy: chosen,
      batchMs: ({ tokens }) => tokens,
      duration: 100
    })
  const times = (answered: readonly Answered[]) => answered.map(({ tokens, answeredAt }) => [tokens, answeredAt])
  // 15 + 20 + the two tokens that follow the prompt they share.
  const planned = run(policy('planner'))
  t.strictSame(times(planned.answered), [
    [15, 47],
    [12, 47],
    [20, 47]
  ])
  t.equal(summarize(planned, 100).wasted, 0)
  const padded = run(policy('FIFO, 32'))
  t.strictSame(times(padded.answered), [
    [15, 70],
    [20, 70],
    [12, 70]
  ])
  t.equal(padded.computedTokens, 60)
  t.equal(summarize(padded, 100).wasted, 1 - 37 / 60)
  const single: Policy = { ...policy('planner'), plan: ([first, ...rest]) => ({ batch: [first!], rest }) }
  const alone = run(single)
  t.strictSame(times(alone.answered), [
    [15, 25],
    [20, 45],
    [12, 57]
  ])
  t.match(summarize(alone, 45), {
    rewardsPerSecond: 2000 / 45,
    tokensPerSecond: 35_000 / 45,
    waits: [0.035, 0.047, 0.047]
  })
  // The second prompt goes to the idle GPU; the sibling stays with its own.
  t.strictSame(times(run(single, 2).answered), [
    [15, 25],
    [20, 30],
    [12, 37]
  ])
})

t.test('every conversation is answered once, after it was sent, by every policy under every traffic', async (t) => {
  for (const traffic of NAMES) {
    const computed = POLICIES.map((each) => {
      const { sent, answered, computedTokens, busyMs } = simulate({
        trainers: trainers(traffic, 5, 3),
        gpus: 2,
        policy: each,
        batchMs,
        duration: 21_000
      })
      t.ok(sent > 0, traffic)
      t.equal(answered.length, sent, `${traffic}, ${each.name}`)
      t.ok(answered.every(({ sentAt, answeredAt }) => answeredAt > sentAt && Number.isFinite(answeredAt)))
      const last = Math.max(...answered.map(({ answeredAt }) => answeredAt))
      t.ok(busyMs <= 2 * last + 1e-6, 'no GPU is busier than time is long')
      return computedTokens / answered.reduce((sum, { tokens }) => sum + tokens, 0)
    })
    t.equal(Math.min(...computed), computed[0], `${traffic}: the planner computes least for a conversation's token`)
  }
})

t.test('a seed says it all', async (t) => {
  const run = (seed: number) => scenarioTable({ traffic: 'mixed', gpus: 2, trainers: 6, seconds: 10, seed })
  t.equal(run(1), run(1))
  t.not(run(1), run(2))
  t.match(run(1), /^\*\*mixed\*\*: 6 trainers, 2 GPUs\n\n\| policy \|/)
})

t.test('the cost model', async (t) => {
  const rate = (tokens: number) => tokens / batchMs({ tokens, squares: tokens * 512 })
  t.ok(rate(32) < rate(512) / 4, 'small batches wait for the weights')
  t.ok(rate(4096) > 30 && rate(4096) < 40, `${rate(4096)} tokens a millisecond`)
  t.ok(LIMITS.targetTokens === 4096, 'beyond it less than 5 % are left to gain')
  t.ok(rate(8192) / rate(4096) < 1.05 && rate(8192) / rate(2048) > 1.05)
})

t.test('quantiles', async (t) => {
  t.strictSame(
    [0.5, 0.95, 0.99].map((part) => quantile([1, 2, 3, 4], part)),
    [2, 4, 4]
  )
  t.equal(quantile([], 0.5), 0)
  t.equal(summarize({ sent: 0, answered: [], computedTokens: 0, busyMs: 0 }, 1000).wasted, 0)
})
