import fc from 'fast-check'
import t from 'tap'
import { type BatchLimits, BULK_SHARE, planBatch, type Waiting } from '../../src/scheduling/plan-batch.js'

interface Item extends Waiting {
  readonly index: number
}

/** A conversation: its prompt, the response's tokens, and what else matters. */
interface Given {
  readonly prompt: number
  readonly response: number
  readonly deadline?: number
  readonly gone?: boolean
}

const PROMPT_TOKENS = [1, 2, 5, 9, 20]

/** A plan where all work has one priority. */
function plan(items: readonly Item[], limits: BatchLimits, now: number) {
  const { rest, ...planned } = planBatch({ interactive: items, bulk: [] }, limits, now)
  return { ...planned, rest: rest.interactive }
}

function itemsOf(given: readonly Given[]): Item[] {
  let arrival = 0
  return given.map(({ prompt, response, deadline = Infinity, gone = false }, index) => {
    const promptTokens = PROMPT_TOKENS[prompt % PROMPT_TOKENS.length]!
    const tokens = promptTokens + response
    arrival += tokens
    return { index, promptKey: prompt, promptTokens, tokens, arrival, deadline, gone }
  })
}

/** What a batch computes: each prompt once, each response. */
function cost(batch: readonly Item[]): number {
  const prompts = new Map(batch.map(({ promptKey, promptTokens }) => [promptKey, promptTokens]))
  const shared = [...prompts.values()].reduce((sum, tokens) => sum + tokens, 0)
  return batch.reduce((sum, { tokens, promptTokens }) => sum + tokens - promptTokens, shared)
}

const NOW = 1000
const given: fc.Arbitrary<Given> = fc.record({
  prompt: fc.nat(PROMPT_TOKENS.length - 1),
  response: fc.oneof(fc.nat(6), fc.nat(60)),
  deadline: fc.constantFrom(Infinity, Infinity, NOW - 1, NOW, NOW + 5, NOW + 50),
  gone: fc.constantFrom(false, false, false, true)
})
const limits: fc.Arbitrary<BatchLimits> = fc
  .record({
    target: fc.integer({ min: 1, max: 60 }),
    more: fc.nat(40),
    maxSequences: fc.integer({ min: 1, max: 6 }),
    reach: fc.nat(200)
  })
  .map(({ target, more, ...rest }) => ({ ...rest, targetTokens: target, maxTokens: target + more, urgentMs: 10 }))

const waiting = fc.array(given, { maxLength: 25 }).map(itemsOf)
const indices = (items: readonly Item[]) => items.map(({ index }) => index)
const live = ({ gone, deadline }: Item) => !gone && deadline > NOW

function property(name: string, check: (items: Item[], limits: BatchLimits) => boolean): void {
  t.test(name, async () => fc.assert(fc.property(waiting, limits, check), { numRuns: 500 }))
}

property('nothing is lost, nothing comes twice, what stays keeps its order', (items, limits) => {
  const { batch, dropped, rest } = plan(items, limits, NOW)
  const all = indices([...batch, ...dropped, ...rest]).sort((a, b) => a - b)
  const ordered = rest.every(({ index }, i) => i === 0 || rest[i - 1]!.index < index)
  return ordered && all.length === items.length && all.every((index, i) => index === i)
})

property('nobody is dropped but those who have gone or are out of time, and these never run', (items, limits) => {
  const { batch, dropped } = plan(items, limits, NOW)
  return batch.every(live) && !dropped.some(live)
})

property('the oldest always goes', (items, limits) => plan(items, limits, NOW).batch[0] === items.find(live))

property('the limits are kept, but by an oldest that exceeds them alone', (items, limits) => {
  const { batch, tokens } = plan(items, limits, NOW)
  if (tokens !== cost(batch)) return false
  return batch.length <= limits.maxSequences && (tokens <= limits.maxTokens || batch.length === 1)
})

property('only siblings of the oldest and what cannot wait go beyond the target', (items, limits) => {
  const { batch } = plan(items, limits, NOW)
  const privileged = batch.filter(
    ({ promptKey, deadline }) => promptKey === batch[0]?.promptKey || deadline <= NOW + limits.urgentMs
  )
  return cost(batch) <= Math.max(limits.targetTokens, cost(privileged))
})

property('siblings of the oldest go together when they fit', (items, limits) => {
  const { batch } = plan(items, limits, NOW)
  const [oldest] = batch
  if (!oldest) return true
  const near = (item: Item) => item.promptKey === oldest.promptKey && item.arrival <= oldest.arrival + limits.reach
  const siblings = items.filter((item) => live(item) && near(item))
  if (siblings.length > limits.maxSequences || cost(siblings) > limits.maxTokens) return true
  return siblings.every((sibling) => batch.includes(sibling))
})

property('a prompt is never divided to fill up a batch', (items, limits) => {
  const patient = items.map((item) => ({ ...item, deadline: Infinity, gone: false }))
  const { batch, rest } = plan(patient, limits, NOW)
  const reachable = rest.filter(({ arrival }) => arrival <= batch[0]!.arrival + limits.reach)
  return !reachable.some(({ promptKey }) => {
    return promptKey !== batch[0]!.promptKey && batch.some((item) => item.promptKey === promptKey)
  })
})

property('whatever could have gone along without a larger cost than the target has gone', (items, limits) => {
  const patient = items.map((item) => ({ ...item, deadline: Infinity, gone: false }))
  const { batch, rest } = plan(patient, limits, NOW)
  // A prompt that goes on beyond the reach waits.
  const beyond = patient.find(({ arrival }) => batch[0] && arrival > batch[0].arrival + limits.reach)
  return rest.every((item) => {
    if (item.arrival > batch[0]!.arrival + limits.reach || item.promptKey === beyond?.promptKey) return true
    const siblings = rest.filter(({ promptKey, arrival }) => {
      return promptKey === item.promptKey && arrival <= batch[0]!.arrival + limits.reach
    })
    const more = [...batch, ...siblings]
    return more.length > limits.maxSequences || cost(more) > limits.targetTokens
  })
})

/** Work that keeps coming: before each plan some arrive. @returns the number of the plan in which each went */
function runAll(arrivals: readonly (readonly Given[])[], limits: BatchLimits): { items: Item[]; plans: number[] } {
  const patient = arrivals.map((some) => some.map((each) => ({ ...each, gone: false, deadline: Infinity })))
  const items = itemsOf(patient.flat())
  const plans: number[] = []
  let queue: Item[] = []
  let came = 0
  for (let number = 0; number < arrivals.length || queue.length > 0; number++) {
    const coming = arrivals[number]?.length ?? 0
    queue.push(...items.slice(came, (came += coming)))
    const { batch, rest } = plan(queue, limits, 0)
    for (const { index } of batch) plans[index] = number
    queue = rest
  }
  return { items, plans }
}

t.test('no starvation: later arrivals that go before a conversation sum up to `reach` tokens at most', async () => {
  const arrivals = fc.array(fc.array(given, { maxLength: 5 }), { maxLength: 30 })
  fc.assert(
    fc.property(arrivals, limits, (arrivals, limits) => {
      const { items, plans } = runAll(arrivals, limits)
      return items.every(({ index }) => {
        const overtaking = items.slice(index + 1).filter((later) => plans[later.index]! < plans[index]!)
        return overtaking.reduce((sum, { tokens }) => sum + tokens, 0) <= limits.reach
      })
    })
  )
})

t.test('no starvation: a long conversation goes at last, however many short ones keep coming', async (t) => {
  const limits = { targetTokens: 1000, maxTokens: 8192, maxSequences: 64, reach: 8000, urgentMs: 0 }
  let prompts = 0
  // Each of 100 tokens, with a prompt of its own.
  const flood = (count: number) => Array.from({ length: count }, () => ({ prompt: 5 * ++prompts, response: 99 }))
  const arrivals = Array.from({ length: 50 }, () => flood(11))
  const { plans } = runAll([[...flood(12), { prompt: 0, response: 3999 }, ...flood(12)], ...arrivals], limits)
  t.equal(plans[12], 2, 'when the twelve before it have gone')
})

const LIMITS = { targetTokens: 20, maxTokens: 30, maxSequences: 8, reach: 1000, urgentMs: 10 }
const run = (given: readonly Given[], limits: Partial<BatchLimits> = {}) => {
  const { batch, tokens, full } = plan(itemsOf(given), { ...LIMITS, ...limits }, NOW)
  return { batch: indices(batch), tokens, full }
}

t.test('written out', async (t) => {
  const [p1, p2, p5, p9] = [0, 1, 2, 3]
  const of = (prompt: number, response: number, deadline = Infinity): Given => ({ prompt, response, deadline })
  t.strictSame(run([]), { batch: [], tokens: 0, full: false })
  t.strictSame(run([of(p1, 98), of(p2, 3)]), { batch: [0], tokens: 99, full: true }, 'too long for any batch: alone')
  t.strictSame(
    run([of(p9, 3), of(p5, 7), of(p9, 3), of(p9, 3), of(p9, 3)]),
    { batch: [0, 2, 3, 4], tokens: 21, full: true },
    'siblings first, beyond the target'
  )
  t.strictSame(
    run([of(p1, 9), of(p2, 9), of(p5, 1), of(p9, 0)]),
    { batch: [0, 3], tokens: 19, full: true },
    'of what fits, that which leaves the least room'
  )
  t.strictSame(
    run([of(p1, 14), of(p2, 3), of(p5, 7, NOW + 5)]),
    { batch: [0, 2], tokens: 27, full: true },
    'what cannot wait, beyond the target'
  )
  t.strictSame(
    run([of(p1, 14), of(p2, 10, NOW + 8), of(p5, 7, NOW + 5)]),
    { batch: [0, 2], tokens: 27, full: true },
    'of two that cannot wait, the one with less time'
  )
  t.strictSame(
    run([of(p1, 14), of(p2, 10, NOW + 11)]),
    { batch: [0], tokens: 15, full: true },
    'a deadline that is far away waits for its turn'
  )
  t.strictSame(
    run([of(p1, 9), of(p5, 3), of(p5, 3), of(p5, 3)]),
    { batch: [0], tokens: 10, full: true },
    'a prompt that would not fit with all its responses waits'
  )
  t.strictSame(run([of(p1, 4), of(p2, 3)], { reach: 4 }), { batch: [0], tokens: 5, full: false }, 'out of reach')
  t.strictSame(
    run([of(p1, 4), of(p2, 3), of(p2, 3)], { reach: 5 }),
    { batch: [0], tokens: 5, full: false },
    'a prompt that goes on out of reach waits for all its responses'
  )
  t.strictSame(run([of(p1, 4), of(p2, 3)], { maxSequences: 2 }), { batch: [0, 1], tokens: 10, full: true })
  t.strictSame(run([of(p1, 4)]), { batch: [0], tokens: 5, full: false }, 'it pays to wait for company')
  t.strictSame(run([of(p1, 9)]), { batch: [0], tokens: 10, full: false }, 'half full, and nothing else waits')
  t.strictSame(run([of(p1, 8), of(p2, 30)]), { batch: [0], tokens: 9, full: false })
  t.strictSame(
    run([of(p1, 9), of(p2, 30)]),
    { batch: [0], tokens: 10, full: true },
    'half full, and the rest does not fit'
  )
})

t.test('tens of thousands that wait cost no more than those in reach', async (t) => {
  let looked = 0
  const items = itemsOf(Array.from({ length: 50_000 }, (_, i) => ({ prompt: i, response: 50 }))).map((item) => ({
    ...item,
    get gone() {
      looked++
      return false
    }
  }))
  const { batch, rest } = plan(items, { ...LIMITS, reach: 5000 }, NOW)
  t.equal(batch.length + rest.length, 50_000)
  t.ok(looked <= 101, `${looked} looked at`)
})

/** Two lanes, each with arrivals of its own; indices do not overlap. */
const lanes = fc.tuple(waiting, waiting).map(([interactive, bulk]) => ({
  interactive,
  bulk: bulk.map((item) => ({ ...item, index: item.index + 100 }))
}))

t.test('priorities: nothing is lost, limits are kept, and no priority overtakes itself', async () => {
  fc.assert(
    fc.property(lanes, limits, fc.constantFrom(-5, 0, 5), (lanes, limits, owed) => {
      const { batch, tokens, dropped, rest } = planBatch(lanes, limits, NOW, owed)
      const all = indices([...batch, ...dropped, ...rest.interactive, ...rest.bulk]).sort((a, b) => a - b)
      const expected = indices([...lanes.interactive, ...lanes.bulk]).sort((a, b) => a - b)
      const ordered = [rest.interactive, rest.bulk].every((lane) =>
        lane.every(({ index }, i) => i === 0 || lane[i - 1]!.index < index)
      )
      return (
        JSON.stringify(all) === JSON.stringify(expected) &&
        ordered &&
        tokens === cost(batch) &&
        batch.length <= limits.maxSequences &&
        (tokens <= limits.maxTokens || batch.length === 1)
      )
    }),
    { numRuns: 500 }
  )
})

t.test('priorities: interactive work leads unless bulk work is behind its share', async () => {
  fc.assert(
    fc.property(lanes, limits, fc.constantFrom(-5, 0, 5), (lanes, limits, owed) => {
      const { batch } = planBatch(lanes, limits, NOW, owed)
      const [interactive, bulk] = [lanes.interactive.find(live), lanes.bulk.find(live)]
      const leads = interactive && bulk ? (owed > 0 ? bulk : interactive) : (interactive ?? bulk)
      return batch[0] === leads
    }),
    { numRuns: 500 }
  )
})

t.test('priorities: bulk work only takes the room up to the target that interactive work leaves', async () => {
  fc.assert(
    fc.property(lanes, limits, (lanes, limits) => {
      const { batch } = planBatch(lanes, limits, NOW)
      const interactive = batch.filter(({ index }) => index < 100)
      const alone = plan(lanes.interactive, limits, NOW).batch
      if (alone.length === 0) return true
      return (
        JSON.stringify(indices(interactive)) === JSON.stringify(indices(alone)) &&
        cost(batch) <= Math.max(limits.targetTokens, cost(alone))
      )
    }),
    { numRuns: 500 }
  )
})

t.test(
  'priorities: while both wait, bulk work gets its share of the tokens, and interactive work the rest',
  async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(lengths, lengths, (interactive, bulk) => {
        const limits = { targetTokens: 50, maxTokens: 80, maxSequences: 8, reach: 400, urgentMs: 0 }
        // Endless: what runs is replaced by more of the kind.
        let key = 0
        const lane = (lengths: readonly number[]) => {
          let arrival = 0
          let next = 0
          return (): Item => {
            const tokens = lengths[next++ % lengths.length]!
            arrival += tokens
            return { index: next, promptKey: key++, promptTokens: 1, tokens, arrival, deadline: Infinity, gone: false }
          }
        }
        const makers = { interactive: lane(interactive), bulk: lane(bulk) }
        const queues: { interactive: Item[]; bulk: Item[] } = { interactive: [], bulk: [] }
        let owed = 0
        const ran = { interactive: 0, bulk: 0 }
        const PLANS = 200
        for (let number = 0; number < PLANS; number++) {
          for (const name of ['interactive', 'bulk'] as const) {
            while (queues[name].length < 30) queues[name].push(makers[name]())
          }
          const before = new Set(queues.bulk)
          const planned = planBatch(queues, limits, 0, owed)
          for (const item of planned.batch) ran[before.has(item) ? 'bulk' : 'interactive'] += item.tokens
          owed = planned.owed
          Object.assign(queues, planned.rest)
        }
        const all = ran.interactive + ran.bulk
        const slack = 2 * limits.maxTokens
        // More than the share only of room that interactive work could not fill.
        return ran.bulk >= BULK_SHARE * all - slack && ran.interactive >= 0.5 * (1 - BULK_SHARE) * all - slack
      }),
      { numRuns: 50 }
    )
  }
)

t.test('priorities written out', async (t) => {
  const one = (prompt: number, response: number, deadline = Infinity) => itemsOf([{ prompt, response, deadline }])
  const [fifteen, twelve, five] = [one(0, 14), one(3, 3), one(1, 3)]
  const batch = (interactive: readonly Item[], bulk: readonly Item[], owed: number) =>
    planBatch({ interactive, bulk }, LIMITS, NOW, owed).batch
  t.strictSame(batch(twelve, fifteen, 1), fifteen, 'bulk work leads, and leaves no room')
  const hurried = one(3, 3, NOW + 5)
  t.strictSame(batch(hurried, fifteen, 1), [...fifteen, ...hurried], 'interactive work that cannot wait goes along')
  t.strictSame(batch(fifteen, hurried, 0), fifteen, 'bulk work does not')
  t.strictSame(batch(fifteen, five, 0), [...fifteen, ...five], 'room that interactive work leaves is filled')
  t.strictSame(batch(five, fifteen, 1), [...fifteen, ...five], 'and the other way round')
})

t.test('priorities: no claim is saved up while only one kind waits', async (t) => {
  const items = itemsOf([
    { prompt: 0, response: 9 },
    { prompt: 1, response: 9 }
  ])
  t.equal(planBatch({ interactive: items, bulk: [] }, LIMITS, NOW, 50).owed, 0)
  t.equal(planBatch({ interactive: [], bulk: items }, LIMITS, NOW, 50).owed, 0)
})
