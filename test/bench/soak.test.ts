import t from 'tap'
import { seeded } from '../../src/random.js'
import { growthOf } from '../../bench/soak/growth.js'
import { WATCHED, type Watched } from '../../bench/soak/processes.js'
import { soakReport } from '../../bench/soak/report.js'
import { traffic } from '../../bench/soak/traffic.js'
import { ArmormError } from '../../src/errors.js'
import type { Tokenize } from '../../src/scoring/rater.js'
import { fakeApp, fakeTokenizer } from '../http/helpers.js'

const samples = (value: (i: number) => number, count = 100) =>
  Array.from({ length: count }, (_, i) => ({ requests: 10 * (i + 1), value: value(i) }))

t.test('what fills and then stays has no growth; what leaks has its own, whatever stands out', async (t) => {
  const flat = growthOf(samples((i) => (i === 70 ? 1e6 : Math.min(i, 20))))
  t.strictSame(flat, { early: 20, late: 20, highest: 1e6, slope: 0 })
  const leak = growthOf(samples((i) => 100 + 0.5 * i + (i % 10 === 0 ? 40 : 0)))
  t.ok(Math.abs(leak.slope - 0.05) < 0.005, `${leak.slope}`)
  t.throws(() => growthOf(samples(() => 1, 7)), new RangeError('7 samples are too few'))
})

const groups = [
  { prompt: [{ role: 'user', content: 'How?' }], responses: ['So.', 'One does it with care and patience.'] }
]
const of = (seed: number) => traffic({ random: seeded(seed), groups, gate: [1, 2], longest: 60, most: 3 })

t.test('the traffic is the same for the same seed, of many shapes, and answered as it says', async (t) => {
  const make = (seed: number) => {
    const next = of(seed)
    return Array.from({ length: 200 }, () => next(['6cf1a0a8-53b0-4d0e-a0c1-000000000000']))
  }
  const requests = make(1)
  t.strictSame(make(1), requests)
  t.notSame(make(2), requests)
  t.ok(new Set(requests.map(({ method, path }) => `${method} ${path}`)).size > 10)
  t.ok(requests.some(({ abandoned }) => abandoned))
  const tokenizer: Tokenize = {
    async encode(conversation, truncation) {
      if (conversation.kind !== 'ids') return fakeTokenizer.encode(conversation, truncation)
      throw new ArmormError('invalid_token_ids', 'none')
    }
  }
  const app = await fakeApp(t, { tokenizer, limits: { maxInputs: 64 } })
  for (const { method, path, body, headers, statuses } of requests.slice(0, 100)) {
    const reply = await app.inject({
      method,
      url: path,
      ...(body !== undefined && { payload: body }),
      headers: { ...headers }
    })
    t.ok(statuses.includes(reply.statusCode), `${method} ${path}: ${reply.statusCode} ${reply.body.slice(0, 300)}`)
  }
})

t.test('the report has a row for all that is watched, and says what went wrong', async (t) => {
  const all = Object.fromEntries(Object.keys(WATCHED).map((name) => [name, samples((i) => i)])) as unknown as Record<
    Watched,
    ReturnType<typeof samples>
  >
  const text = soakReport({
    date: '2026-01-01',
    quick: false,
    model: 'tiny',
    machine: { cpu: 'a', cores: 1, memoryGiB: 2, platform: 'b', versions: [], loadAtStart: 0, loadAtEnd: 0 },
    runs: [
      {
        title: 'One',
        requests: 1000,
        clients: 2,
        driven: { statuses: { 200: 999, 500: 1 }, wrong: ['POST /score: 500'], wrongCount: 1, seconds: 3 },
        samples: all,
        left: { inflight: 0, queued: 0, restarts: 0 }
      }
    ]
  })
  t.match(text, '| server, resident memory (MiB) | 37.0 | 87.0 | 99.0 | 100.000 |')
  t.match(text, '| engine, file descriptors | 37 | 87 | 99 | 100.00 |')
  t.match(text, 'by tenths of the run, medians in MiB: 5, 15, 25, 35, 45, 55, 65, 75, 85, 95.')
  t.match(text, 'Wrong: 1.\n- POST /score: 500')
})
