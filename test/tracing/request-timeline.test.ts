import t from 'tap'
import { RequestTimeline } from '../../src/tracing/request-timeline.js'

t.test('batches are kept up to a bound, and counted beyond it', async (t) => {
  const timeline = new RequestTimeline()
  const times = { began: 0, ended: 1, sequences: 2, tokens: 6, distinctTokens: 6, failures: [] }
  for (let id = 0; id < 130; id++) {
    const run = { id, ...times }
    for (const row of [0, 1]) timeline.ran(run, { row, tokens: 3, refused: row === 1 })
  }
  t.equal(timeline.runs.size, 128)
  t.equal(timeline.moreRuns, 2)
  t.ok(
    [...timeline.runs.values()].every(({ rows, tokens, refused }) => rows.length === 2 && tokens === 6 && refused === 1)
  )
})
