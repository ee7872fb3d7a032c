/** Whatever arrives, leaves and is refused: no more waits than may, everybody is told, and what has left holds no room. */
import fc from 'fast-check'
import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import { Admission, type Need, type Ticket } from '../../src/scheduling/admission.js'

type Step =
  | {
      readonly do: 'enter'
      readonly guess: number
      readonly tokens: number
      readonly conversations: number
      readonly bulk: boolean
      readonly patient: boolean
    }
  | { readonly do: 'settle' | 'queue' | 'leave'; readonly which: number }
  | { readonly do: 'run'; readonly bulk: boolean }

const which = (name: 'settle' | 'queue' | 'leave') => fc.record({ do: fc.constant(name), which: fc.nat(30) })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('enter' as const),
      guess: fc.integer({ min: 0, max: 60 }),
      tokens: fc.integer({ min: 0, max: 120 }),
      conversations: fc.integer({ min: 0, max: 5 }),
      bulk: fc.boolean(),
      patient: fc.boolean()
    })
  },
  { weight: 3, arbitrary: which('settle') },
  { weight: 3, arbitrary: which('queue') },
  { weight: 1, arbitrary: which('leave') },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('run' as const), bulk: fc.boolean() }) }
)

const MAX_TOKENS = 100
const MAX_CONVERSATIONS = 10
/** Lets promises that are settled be heard of. */
const heard = () => new Promise<void>((resolve) => setImmediate(resolve))

interface Asked {
  readonly step: Extract<Step, { do: 'enter' }>
  readonly leave: AbortController
  ticket?: Ticket
  state: 'entering' | 'entered' | 'settling' | 'settled' | 'done' | 'refused'
  error?: unknown
}

/** Plays the steps, ends all that is left, and returns what broke a promise. */
async function play(steps: readonly Step[]): Promise<string[]> {
  const broken: string[] = []
  const asked: Asked[] = []
  const queued: { bulk: boolean; need: Need }[] = []
  let listener = () => {}
  const sum = (needs: readonly Need[]) => ({
    tokens: needs.reduce((total, { tokens }) => total + tokens, 0),
    conversations: needs.reduce((total, { conversations }) => total + conversations, 0)
  })
  const waiting = (bulk: boolean) => sum(queued.filter((each) => each.bulk === bulk).map(({ need }) => need))
  const admission = new Admission(
    {
      waiting,
      handedTokens: 0,
      targetTokens: 10,
      servedPerSecond: 100,
      stalledMs: 0,
      onRoom: (hear) => void (listener = hear)
    },
    { maxTokens: MAX_TOKENS, maxConversations: MAX_CONVERSATIONS, maxLineRequests: 5, maxLineBytes: 100 }
  )
  const needOf = ({ tokens, conversations }: Need): Need =>
    conversations === 0 ? { tokens: 0, conversations: 0 } : { tokens: Math.max(conversations, tokens), conversations }
  const failed = (entry: Asked) => (error: unknown) => {
    entry.state = 'refused'
    entry.error = error
    entry.ticket?.release()
  }
  const enter = (step: Asked['step']) => {
    const leave = new AbortController()
    const entry: Asked = { step, leave, state: 'entering' }
    asked.push(entry)
    const { bulk, patient, guess, conversations } = step
    admission
      .enter(needOf({ tokens: guess, conversations }), {
        bulk,
        deadline: Infinity,
        patientUntil: patient ? Infinity : null,
        bytes: 30,
        signal: leave.signal
      })
      .then((ticket) => {
        entry.ticket = ticket
        if (leave.signal.aborted) ticket.release()
        else entry.state = 'entered'
      }, failed(entry))
  }
  const settle = (entry: Asked) => {
    if (entry.state !== 'entered') return
    entry.state = 'settling'
    entry.ticket!.settle(needOf(entry.step)).then(() => {
      if (entry.leave.signal.aborted) entry.ticket!.release()
      else entry.state = 'settled'
    }, failed(entry))
  }
  const queue = (entry: Asked) => {
    if (entry.state !== 'settled') return
    const need = needOf(entry.step)
    if (need.conversations > 0) queued.push({ bulk: entry.step.bulk, need })
    entry.ticket!.release()
    entry.state = 'done'
  }
  const leave = (entry: Asked) => {
    if (entry.state === 'done' || entry.state === 'refused') return
    entry.leave.abort('gone')
    entry.ticket?.release()
    if (entry.state !== 'entering' && entry.state !== 'settling') entry.state = 'refused'
  }
  const check = () => {
    const [interactive, bulk] = [waiting(false), waiting(true)]
    for (const [name, limit] of [
      ['tokens', MAX_TOKENS],
      ['conversations', MAX_CONVERSATIONS]
    ] as const) {
      if (interactive[name] > limit) broken.push(`${interactive[name]} interactive ${name} wait`)
      if (bulk[name] > limit) broken.push(`${bulk[name]} bulk ${name} wait`)
    }
    if (admission.lineRequests > 5 + asked.filter(({ state }) => state === 'settling').length)
      broken.push('a long line')
    if (admission.reservedTokens < 0 || admission.lineBytes < 0) broken.push('more was given back than taken')
  }
  for (const each of steps) {
    if (each.do === 'enter') enter(each)
    else if (each.do === 'run') {
      const at = queued.findIndex(({ bulk }) => bulk === each.bulk)
      if (at >= 0) queued.splice(at, 1)
      listener()
    } else {
      const entry = asked[each.which]
      if (entry) ({ settle, queue, leave })[each.do](entry)
    }
    await heard()
    check()
  }
  for (let round = 0; round < 3 * steps.length + 3; round++) {
    queued.shift()
    listener()
    await heard()
    asked.forEach(settle)
    await heard()
    asked.forEach(queue)
    check()
  }
  for (const [i, { state, error, step, leave }] of asked.entries()) {
    if (state !== 'done' && state !== 'refused') broken.push(`${i} is still ${state}`)
    if (error === undefined || leave.signal.aborted) continue
    const code = error instanceof ArmormError ? error.code : 'something else'
    if (code !== 'overloaded' && code !== 'exceeds_queue') broken.push(`${i} was refused with ${code}`)
    if (code === 'exceeds_queue' && needOf(step).tokens <= MAX_TOKENS) broken.push(`${i} would have fitted`)
  }
  if (admission.reservedTokens !== 0) broken.push(`${admission.reservedTokens} tokens stay reserved`)
  if (admission.lineRequests !== 0 || admission.lineBytes !== 0) broken.push('the line does not run empty')
  return broken
}

t.test('what waits is bounded, everybody is told, and nothing stays reserved', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      t.strictSame(await play(steps), [])
    }),
    { numRuns: 200 }
  )
})
