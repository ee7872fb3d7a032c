import t from 'tap'
import { bars, type BurstFigures, phaseFigures, type SeriesFigures } from '../../bench/overload/figures.js'
import type { Answer } from '../../bench/overload/load.js'

const answer = (status: number, sentAt: number, endedAt: number): Answer => ({
  status,
  sentAt,
  endedAt,
  retryAfter: null,
  body: '{"usage":{"tokens":30}}'
})

t.test('goodput counts what was answered in time, after the beginning and while the load went on', async (t) => {
  const answers = [
    answer(200, 0, 500),
    answer(200, 500, 1500),
    answer(200, 900, 1600),
    answer(200, 1000, 2900),
    answer(429, 1500, 1510),
    answer(504, 1600, 2600),
    answer(0, 1700, 1701),
    answer(200, 3000, 3500)
  ]
  const figures = phaseFigures(2, answers, 1000, 1000, [1, 2])
  t.match(figures, { requests: 8, accepted: 5, refused: 1, expired: 1, other: 1, refusedMs: [10, 10], lagMs: [1, 2] })
  // Of the five the first came too early, the fourth took too long, and the last came after the last request.
  t.equal(figures.goodput, 30)
})

t.test('bars: goodput at the highest load against the peak, and the slowest of the accepted', async (t) => {
  const phase = (load: number, goodput: number, p99: number) => ({
    ...phaseFigures(load, [answer(200, 0, 1), answer(429, 10, 11)], 1000, 0, [0, 0]),
    goodput,
    acceptedMs: [1, p99] as const
  })
  const series = (phases: SeriesFigures['phases']): SeriesFigures => ({
    engine: 'an engine',
    capacity: 10,
    meanTokens: 100,
    deadlineMs: 1000,
    phases
  })
  const burst: BurstFigures = { clients: 10, answered: 10, tries: [1, 1, 1], seconds: 1, workSeconds: 1 }
  const met = (given: SeriesFigures, other = burst) => bars({ series: [given], burst: other }).map(({ met }) => met)
  t.strictSame(met(series([phase(1, 10, 500), phase(10, 9, 1000)])), [true, true, true, true])
  t.strictSame(met(series([phase(1, 10, 1001), phase(10, 8.9, 900)])), [false, false, true, true])
  t.strictSame(met(series([phase(10, 10, 10)]), { ...burst, answered: 9 }), [true, true, true, false])
})
