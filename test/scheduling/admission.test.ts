import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import { Admission, type AdmissionOptions, type Entrant } from '../../src/scheduling/admission.js'
import { RetryTimes } from '../../src/scheduling/retry-after.js'

const NONE = { tokens: 0, conversations: 0 }
const ENTRANT: Entrant = { bulk: false, deadline: Infinity, patientUntil: null, bytes: 0 }

function admission(
  waiting: { tokens: number; conversations: number },
  options: Partial<AdmissionOptions> = {},
  rate = 100,
  stalledMs = 0
) {
  return new Admission(
    {
      waiting: (bulk) => (bulk ? NONE : waiting),
      handedTokens: 0,
      targetTokens: 10,
      servedPerSecond: rate,
      stalledMs,
      onRoom: () => {}
    },
    {
      maxTokens: 1000,
      maxConversations: 1e6,
      maxLineRequests: 10,
      maxLineBytes: 1e6,
      now: () => 0,
      random: () => 0,
      ...options
    }
  )
}

t.test('without a number the limit is what the rate serves in a minute', async (t) => {
  t.equal(admission(NONE, { maxTokens: 0 }, 5000).limitTokens, 300_000)
  t.equal(admission(NONE, { maxTokens: 0 }, 1).limitTokens, 32_768)
  t.equal(admission(NONE, { maxTokens: 0 }, 0).limitTokens, Infinity, 'nothing was measured')
  t.equal(admission(NONE, { maxTokens: 7 }, 5000).limitTokens, 7)
})

t.test(
  'a thousand who are refused together are told a thousand times, as far apart as the rate serves them',
  async (t) => {
    const full = admission({ tokens: 1000, conversations: 10 })
    const times: number[] = []
    for (let i = 0; i < 100; i++) {
      await full.enter({ tokens: 50, conversations: 1 }, ENTRANT).catch((error: unknown) => {
        times.push((error as { details: { retry_after_seconds: number } }).details.retry_after_seconds)
      })
    }
    t.strictSame(
      times,
      Array.from({ length: 100 }, (_, i) => 0.5 * (i + 1))
    )
  }
)

t.test('while nothing is served the times are later by what that is expected to last', async (t) => {
  const waiting = { tokens: 1000, conversations: 10 }
  const retryAfter = async (stalledMs: number, need = { tokens: 50, conversations: 1 }, entrant = ENTRANT) => {
    const options = { maxTokens: entrant.deadline < Infinity ? 1e6 : 1000 }
    const error = await admission(waiting, options, 100, stalledMs)
      .enter(need, entrant)
      .catch((reason: unknown) => reason)
    return (error as { details?: { retry_after_seconds: number } }).details?.retry_after_seconds
  }
  t.equal(await retryAfter(0), 0.5)
  t.equal(await retryAfter(20_000), 20.5)
  const within = { ...ENTRANT, deadline: 20_000 }
  t.equal(await retryAfter(0, undefined, within), undefined, 'in time as long as the engine runs')
  t.equal(
    await retryAfter(10_000, undefined, within),
    2.72,
    '10 s, and 1.2 times what 1060 tokens take at 100 a second'
  )
})

t.test('times are bounded, stretched at random, and forgotten when they have passed', async (t) => {
  let random = 0
  const times = new RetryTimes(() => random)
  t.equal(times.next(0, 1000, 100, 10), 1000)
  t.equal(times.next(0, 1000, 100, 10), 11_000)
  random = 1
  t.equal(times.next(0, 1000, 100, 10), 21_000 * 1.25)
  t.equal(times.next(1e6, 2000, 1e9, 10), 2500)
  random = 0
  t.equal(times.next(1e6, 2000, 1, 10), 60_000)
  t.equal(times.next(0, 0, 100, 0), 5000, 'nothing is known of the rate')
})

t.test('who has gone is not let in', async (t) => {
  const leave = new AbortController()
  leave.abort(new Error('gone'))
  const open = admission(NONE)
  await t.rejects(open.enter({ tokens: 1, conversations: 1 }, { ...ENTRANT, signal: leave.signal }), {
    message: 'gone'
  })
  const later = new AbortController()
  const ticket = await open.enter({ tokens: 1, conversations: 1 }, { ...ENTRANT, signal: later.signal })
  later.abort(new Error('gone now'))
  await t.rejects(ticket.settle({ tokens: 2, conversations: 1 }), { message: 'gone now' })
  ticket.release()
  ticket.release()
  t.equal(open.reservedTokens, 0)
})

const PATIENT: Entrant = { ...ENTRANT, patientUntil: Infinity }

t.test(
  'estimates that were too low hold up nobody for good: the first in line goes when nothing is before it',
  async (t) => {
    const idle = admission(NONE)
    const tickets = await Promise.all(
      Array.from({ length: 10 }, () => idle.enter({ tokens: 100, conversations: 1 }, PATIENT))
    )
    let settled = 0
    for (const ticket of tickets) {
      void ticket.settle({ tokens: 130, conversations: 1 }).then(() => {
        settled++
        ticket.release()
      })
    }
    for (let turn = 0; turn < 100; turn++) await Promise.resolve()
    t.equal(settled, 10)
    t.equal(idle.lineRequests, 0)
    t.equal(idle.reservedTokens, 0)
  }
)

t.test('a line that is closed sends away who stands in it, and who would', async (t) => {
  const full = admission({ tokens: 1000, conversations: 10 })
  const standing = full.enter({ tokens: 50, conversations: 1 }, PATIENT)
  const reason = new ArmormError('shutting_down', 'the server is shutting down')
  full.close(reason)
  await t.rejects(standing, { code: 'shutting_down' })
  await t.rejects(full.enter({ tokens: 50, conversations: 1 }, PATIENT), { code: 'shutting_down' })
  t.equal(full.lineRequests, 0)
  t.equal(full.lineBytes, 0)
})

t.test('outstanding is what the engine has, what waits, what is let in and what stands in line', async (t) => {
  const waiting = { tokens: 0, conversations: 0 }
  const queue = { waiting: (bulk: boolean) => (bulk ? NONE : waiting), handedTokens: 7, targetTokens: 10, stalledMs: 0 }
  const limits = { maxTokens: 1000, maxConversations: 1e6, maxLineRequests: 10, maxLineBytes: 1e6, now: () => 0 }
  const full = new Admission({ ...queue, servedPerSecond: 100, onRoom: () => {} }, limits)
  t.equal(full.outstandingTokens, 7)
  const ticket = await full.enter({ tokens: 900, conversations: 1 }, ENTRANT)
  t.equal(full.outstandingTokens, 907)
  const second = full.enter({ tokens: 200, conversations: 1 }, { ...ENTRANT, patientUntil: Infinity })
  t.equal(full.outstandingTokens, 1107, 'in line')
  ticket.release()
  Object.assign(waiting, { tokens: 50, conversations: 1 })
  const entered = await second
  t.equal(full.outstandingTokens, 257)
  entered.release()
  t.equal(full.outstandingTokens, 57)
})
