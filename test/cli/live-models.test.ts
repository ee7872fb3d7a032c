import t from 'tap'
import { LiveModels } from '../../src/cli/live-models.js'

const model = (waiting: number, restarts = 0) => ({
  waiting,
  engine: { health: () => ({ state: 'ready' as const, restarts }) }
})

t.test('what waits is the sum of all that have work', async (t) => {
  const live = new LiveModels<ReturnType<typeof model>>()
  const sum = () => live.sum(({ waiting }) => waiting)
  t.equal(sum(), 0)
  const [before, after] = [model(3), model(4)]
  live.add(before)
  t.equal(sum(), 3)
  live.add(after)
  t.equal(sum(), 7)
  live.end(before)
  t.equal(sum(), 4)
})

t.test('restarts of an engine that has ended stay counted, once', async (t) => {
  const live = new LiveModels<ReturnType<typeof model>>()
  const before = model(0, 2)
  live.add(before)
  t.equal(live.restarts, 2)
  live.add(model(0, 1))
  live.end(before)
  live.end(before)
  t.equal(live.restarts, 3)
})
