import t from 'tap'
import { gateWarnings } from '../../../src/train/stage2/monitors.js'
import type { CurvePoint } from '../../../src/train/stage2/train-gate.js'

const point = (changes: Partial<CurvePoint> = {}): CurvePoint => ({
  step: 100,
  loss: 0.5,
  validation_loss: 0.55,
  validation_accuracy: 0.7,
  logit_scale: 5,
  entropy: 0.6,
  top_share: 0.5,
  top_mean: 0.3,
  variation: 0.2,
  ...changes
})
const signs = (best: CurvePoint, last = best, simpler = {}) =>
  gateWarnings([best, last], best, simpler).map(({ sign }) => sign)

t.test('a gate without a sign', async (t) => {
  t.same(signs(point()), [])
  t.same(signs(point(), point({ step: 200, loss: 0.45, validation_loss: 0.551 })), [], 'a rise of a thousandth')
  t.same(signs(point(), point({ step: 200, loss: 0.6, validation_loss: 0.7 })), [], 'both losses rose')
})

t.test('each sign', async (t) => {
  t.same(signs(point({ step: 0, loss: null })), ['nothing_learned'])
  t.same(signs(point({ entropy: 0.99 })), ['uniform'])
  t.same(signs(point({ top_share: 0.97, top_mean: 0.95 })), ['one_objective'])
  t.same(signs(point({ top_share: 0.97 })), [], 'one objective for each prompt is what a gate is for')
  t.same(signs(point({ variation: 0.001 })), ['same_for_all_prompts'])
  t.same(signs(point(), point({ step: 200, loss: 0.3, validation_loss: 0.7 })), ['overfitting'])
  t.same(signs(point(), point(), { 'uniform gating': 0.7, other: 0.69 }), ['not_better_than_baselines'])
})

t.test('messages have the numbers', async (t) => {
  const best = point()
  const [warning] = gateWarnings([best, point({ step: 200, loss: 0.3, validation_loss: 0.7 })], best, {})
  t.equal(
    warning!.message,
    'from step 100 to 200 the validation loss rose from 0.550 to 0.700 while the training loss fell from 0.500 to 0.300'
  )
  const [other] = gateWarnings([best], best, { 'uniform gating': 0.71 })
  t.equal(other!.message, 'on the validation pairs the gate (0.700) is not better than uniform gating (0.710)')
})
