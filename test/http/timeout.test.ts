import type { InjectOptions } from 'fastify'
import t from 'tap'
import type { CallerState } from '../../src/scheduling/rated-sequence.js'
import type { Rater } from '../../src/scoring/rater.js'
import { fakeApp, rateByLength } from './helpers.js'

/** A rater that never answers, and the callers it was asked by. */
function stuck(): { rater: Rater; callers: CallerState[] } {
  const callers: CallerState[] = []
  const rater: Rater = {
    rate: (_sequence, caller) => {
      callers.push(caller!)
      return new Promise(() => {})
    }
  }
  return { rater, callers }
}

const routes: InjectOptions[] = [
  { method: 'POST', url: '/score', payload: { inputs: [{ text: 'a' }, { text: 'b' }], on_error: 'item' } },
  { method: 'POST', url: '/explain', payload: { text: 'a' } },
  { method: 'GET', url: '/explain?prompt=a&response=b' }
]

t.test('a request that is out of time is answered, whatever its work is at, and its work is given up', async (t) => {
  for (const route of routes) {
    for (const [headers, requestTimeout] of [
      [{ 'x-request-timeout-ms': '20' }, 0],
      [{ 'x-request-timeout-ms': '20' }, 86_400_000],
      [{}, 20]
    ] as const) {
      const { rater, callers } = stuck()
      const app = await fakeApp(t, { rater, limits: { requestTimeout } })
      const reply = await app.inject({ ...route, headers })
      t.equal(reply.statusCode, 504)
      t.ok(Number(reply.headers['retry-after']) > 0)
      t.match(reply.json(), {
        error: {
          code: 'deadline_exceeded',
          message: 'the request was not answered within its 20 ms',
          details: { timeout_ms: 20 }
        }
      })
      t.ok(callers.length > 0 && callers.every(({ aborted }) => aborted))
      for (const { deadline } of callers) t.ok(deadline! < performance.now())
    }
  }
})

t.test('a timeout that is none is refused by its name', async (t) => {
  const app = await fakeApp(t)
  for (const route of routes) {
    for (const timeout of ['0', '-1', '1.5', '1e3', 'soon', '', '86400001', '99999999999999999999', '5, 5']) {
      const reply = await app.inject({ ...route, headers: { 'x-request-timeout-ms': timeout } })
      t.equal(reply.statusCode, 400, timeout)
      t.match(reply.json(), { error: { code: 'invalid_request', message: /header x-request-timeout-ms must be/ } })
    }
  }
})

t.test('whoever is answered in time notices nothing of it; without one there is no deadline', async (t) => {
  const deadlines: (number | undefined)[] = []
  const rater: Rater = {
    rate: async (sequence, caller) => {
      deadlines.push(caller?.deadline)
      return rateByLength(sequence)
    }
  }
  const app = await fakeApp(t, { rater })
  const headers = { 'x-request-timeout-ms': '86400000' }
  const before = performance.now()
  for (const route of routes) t.equal((await app.inject({ ...route, headers })).statusCode, 200)
  const after = performance.now()
  t.equal(deadlines.length, 4)
  for (const deadline of deadlines) t.ok(deadline! >= before - 10 + 86_400_000 && deadline! <= after + 86_400_000)
  await app.inject(routes[1]!)
  t.equal(deadlines.at(-1), Infinity)
})
