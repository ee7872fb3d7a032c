import t from 'tap'
import { gateStatistics } from '../../src/heads/gate-statistics.js'

const near = (found: number, wanted: number) => Math.abs(found - wanted) < 1e-12

t.test('even weights', async (t) => {
  const { entropy, topShare, variation, mean } = gateStatistics(Float64Array.of(0.5, 0.5, 0.5, 0.5), 2)
  t.ok(near(entropy, 1) && near(topShare, 0.5) && near(variation, 0))
  t.same([...mean], [0.5, 0.5])
})

t.test('one objective for all prompts', async (t) => {
  const { entropy, topShare, variation } = gateStatistics(Float64Array.of(1, 0, 0, 1, 0, 0), 3)
  t.ok(near(entropy, 0) && near(topShare, 1) && near(variation, 0))
})

t.test('another objective for every prompt', async (t) => {
  const { entropy, topShare, variation, mean } = gateStatistics(Float32Array.of(1, 0, 0, 1), 2)
  t.ok(near(entropy, 0) && near(topShare, 1) && near(variation, 1))
  t.same([...mean], [0.5, 0.5])
})

t.test('a single objective', async (t) => {
  const { entropy, variation } = gateStatistics(Float64Array.of(1, 1), 1)
  t.same([entropy, variation], [0, 0])
})
