/** Planted truth: what the best objective is for a prompt, and whether training finds it. */
import t from 'tap'
import { seeded } from '../../../src/random.js'
import { type GateData, trainGate } from '../../../src/train/stage2/train-gate.js'
import { type GateSettings } from '../../../src/train/stage2/settings.js'
import { GateWeigher } from '../../../src/train/stage2/weigher.js'

const SETTINGS: GateSettings = {
  layers: 1,
  width: 16,
  temperature: 1,
  logit_scale: 'fitted',
  learning_rate: 0.02,
  weight_decay: 0,
  dropout: 0.1,
  steps: 150,
  batch: 256,
  evaluate_every: 25,
  patience: 0,
  keep: 'loss',
  margins: 'ignore'
}
const HIDDEN = 8
const OBJECTIVES = 4

/**
 * Pairs whose prompts lie around one of four centres. What decides a pair is `decides(cluster)`, with the noise of a
 * Bradley-Terry model of scale 8.
 */
function planted(decides: (cluster: number) => readonly number[], pairs: number, seed: number) {
  const random = seeded(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Array.from({ length: 4 }, () => Array.from({ length: HIDDEN }, () => 2 * normal()))
  const states = new Float32Array(pairs * HIDDEN)
  const differences = new Float32Array(pairs * OBJECTIVES)
  const clusters = Array.from({ length: pairs }, () => Math.floor(random() * 4))
  clusters.forEach((cluster, row) => {
    for (let i = 0; i < HIDDEN; i++) states[row * HIDDEN + i] = centres[cluster]![i]! + 0.3 * normal()
    const ratings = Array.from({ length: OBJECTIVES }, normal)
    const margin = decides(cluster).reduce((sum, weight, j) => sum + weight * ratings[j]!, 0)
    const sign = random() < 1 / (1 + Math.exp(-8 * margin)) ? 1 : -1
    ratings.forEach((rating, j) => (differences[row * OBJECTIVES + j] = sign * rating))
  })
  const rows = Int32Array.from({ length: pairs }, (_, row) => row)
  const data: GateData = {
    hidden: HIDDEN,
    objectives: OBJECTIVES,
    states,
    differences,
    weights: new Float32Array(pairs).fill(1),
    train: rows.subarray(0, (pairs * 3) / 4),
    validation: rows.subarray((pairs * 3) / 4)
  }
  return { data, clusters }
}

const one = (objective: number) => Array.from({ length: OBJECTIVES }, (_, j) => (j === objective ? 1 : 0))

t.test('a gate finds the objective that decides, by prompt', async (t) => {
  const { data, clusters } = planted((cluster) => one(cluster), 2000, 1)
  const { shape, weights, curve, best } = await trainGate(data, SETTINGS, 1, 1)
  const truth = data.validation.map((row) => (data.differences[row * OBJECTIVES + clusters[row]!]! > 0 ? 1 : 0))
  const possible = truth.reduce((sum, won) => sum + won, 0) / truth.length
  t.ok(curve[0]!.validation_accuracy < possible - 0.1, 'untrained')
  t.ok(best.validation_accuracy > possible - 0.02, `${best.validation_accuracy} of ${possible}`)
  t.ok(best.variation > 0.6, `it follows the prompt: ${best.variation}`)
  const weigher = await GateWeigher.open(shape, SETTINGS.temperature, 1)
  const found = await weigher.weigh(weights, data.states, data.validation)
  await weigher.close()
  data.validation.forEach((row, i) => {
    const weight = found[i * OBJECTIVES + clusters[row]!]!
    if (weight < 0.6) t.fail(`the deciding objective of pair ${row} weighs ${weight}`)
  })
})

t.test('where the prompt does not matter the gate does not follow it', async (t) => {
  const { data } = planted(() => [0.5, 0.3, 0.2, 0], 2000, 2)
  const { best } = await trainGate(data, { ...SETTINGS, dropout: 0.3 }, 1, 1)
  t.ok(best.variation < 0.03, `variation ${best.variation}`)
  t.ok(best.validation_accuracy > 0.85)
})

t.test('the same seed gives the same gate, bit for bit, and another seed another', async (t) => {
  const { data } = planted((cluster) => one(cluster), 600, 3)
  const settings = { ...SETTINGS, steps: 20, evaluate_every: 7 }
  const first = await trainGate(data, settings, 5, 2)
  t.same(await trainGate(data, settings, 5, 2), first)
  t.notSame((await trainGate(data, settings, 6, 2)).weights, first.weights)
  t.same(
    first.curve.map(({ step }) => step),
    [0, 7, 14, 20]
  )
})

t.test('training stops when nothing gets better, and keeps the best gate', async (t) => {
  const { data } = planted((cluster) => one(cluster), 64, 4)
  const settings = {
    ...SETTINGS,
    dropout: 0,
    width: 64,
    learning_rate: 0.05,
    steps: 1000,
    evaluate_every: 5,
    patience: 4
  }
  const { curve, best, stoppedEarly } = await trainGate(data, settings, 1, 1)
  t.ok(stoppedEarly)
  t.equal(best.step, curve.at(-5)!.step, 'four looks after the best one')
  t.ok(curve.every(({ validation_loss }) => validation_loss >= best.validation_loss))
})

t.test('pairs weigh what they are said to', async (t) => {
  // Every second pair says the opposite, and counts next to nothing.
  const { data } = planted((cluster) => one(cluster), 1200, 6)
  const weights = data.weights.map((_, i) => (i % 2 ? 1e-3 : 1))
  const differences = data.differences.map((value, i) => (Math.floor(i / OBJECTIVES) % 2 ? -value : value))
  const settings = { ...SETTINGS, steps: 100 }
  const { best } = await trainGate({ ...data, differences, weights }, settings, 1, 1)
  const even = await trainGate({ ...data, differences }, settings, 1, 1)
  t.ok(best.validation_loss < 0.4 && even.best.validation_loss > 0.6)
})

t.test('a loss that is not finite is an error that names the step', async (t) => {
  const { data } = planted((cluster) => one(cluster), 64, 7)
  const settings = { ...SETTINGS, logit_scale: 1e6, learning_rate: 1, temperature: 1e-3, steps: 50 }
  const states = data.states.map((value) => value * 1e39)
  await t.rejects(trainGate({ ...data, states }, settings, 1, 1), {
    code: 'invalid_config',
    message: /loss of step 1 /
  })
})
