import { Registry } from 'prom-client'
import t from 'tap'
import { RewardMetrics } from '../../src/monitoring/reward-metrics.js'
import { manifest } from '../http/helpers.js'
import { referenceOf } from '../support/references.js'

const reward = (score: number, responseTokens: number, gating = [0.5, 0.25, 0.25]) => ({
  score,
  responseTokens,
  ratings: Float32Array.of(0.1, 0.5, 0.9),
  gating: Float32Array.from(gating)
})

async function values(registry: Registry): Promise<Map<string, number>> {
  const text = await registry.metrics()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))])
  )
}

const OF = `{revision="${manifest.model.revision}"}`

t.test('no figure of the window before there are enough rewards, and none that is not a number', async (t) => {
  const registry = new Registry()
  const metrics = new RewardMetrics(registry, manifest, referenceOf(manifest))
  for (let i = 0; i < 99; i++) metrics.given(reward(1, 10), true)
  t.notOk([...(await values(registry)).keys()].some((name) => name.startsWith('armorm_window_')))
  metrics.given(reward(1, 10), true)
  const found = await values(registry)
  t.equal(found.get(`armorm_window_conversations${OF}`), 100)
  t.equal(found.get(`armorm_window_score_mean${OF}`), 1)
  t.notOk(found.has(`armorm_window_score_length_correlation${OF}`), 'scores and lengths are constant')
  t.ok([...found.values()].every(Number.isFinite))
})

t.test('scores that follow length, a gate that hears one objective, scores that moved', async (t) => {
  const registry = new Registry()
  const metrics = new RewardMetrics(registry, manifest, referenceOf(manifest))
  // More than a window holds: the first ones are forgotten.
  for (let i = 0; i < 500; i++) metrics.given(reward(-5, 10), true)
  for (let i = 0; i < 1024; i++) metrics.given(reward(3 + i / 1000, i, i < 256 ? [1, 0, 0] : [0, 0, 1]), true)
  const found = await values(registry)
  t.equal(found.get(`armorm_window_conversations${OF}`), 1024)
  t.equal(found.get(`armorm_window_score_length_correlation${OF}`), 1)
  t.equal(found.get(`armorm_window_gate_entropy${OF}`), 0)
  t.equal(found.get(`armorm_window_top_objective_share${OF}`), 0.75)
  t.equal(found.get(`armorm_window_score_drift${OF}`), 1, 'all lie above the highest of the reference')
  t.ok(Math.abs(found.get(`armorm_window_score_shift${OF}`)! - (3 + 0.5115) / (4 / Math.sqrt(12))) < 1e-3)
  t.equal(found.get(`armorm_reference_score_length_correlation${OF}`), 0.25)
  t.ok(Math.abs(found.get(`armorm_reference_gate_entropy${OF}`)! - 0.7) < 1e-9)
  t.equal(found.get('armorm_gate_top_total{objective="safety"}'), 768)
  t.equal(found.get('armorm_gate_entropy_count'), 1524)
})

t.test('what came from memory counts as given, and says nothing new of the traffic', async (t) => {
  const registry = new Registry()
  const metrics = new RewardMetrics(registry, manifest, null)
  for (let i = 0; i < 200; i++) metrics.given(reward(1, 10), false)
  const found = await values(registry)
  t.equal(found.get('armorm_score_count'), 200)
  t.equal(found.get('armorm_objective_reward_count{objective="safety"}'), 200)
  t.equal(found.get('armorm_gate_entropy_count'), 0)
  t.notOk(found.has(`armorm_window_conversations${OF}`))
})

t.test("buckets end at the reference's percentiles; without one, at numbers that fit any model", async (t) => {
  const edges = async (metrics: Registry) =>
    [...(await values(metrics)).keys()].flatMap((name) => /^armorm_score_bucket\{le="(.+)"\}/.exec(name)?.[1] ?? [])
  const [with_, without] = [new Registry(), new Registry()]
  new RewardMetrics(with_, manifest, referenceOf(manifest)).given(reward(0, 1), true)
  new RewardMetrics(without, manifest, null).given(reward(0, 1), true)
  t.strictSame((await edges(with_)).slice(0, 2).concat((await edges(with_)).slice(-2)), ['-2', '-1.96', '2', '+Inf'])
  t.ok((await edges(without)).includes('0.125'))
  const found = await values(without)
  t.notOk([...found.keys()].some((name) => /drift|shift|reference/.test(name)))
})
