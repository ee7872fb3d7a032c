import t from 'tap'
import { toLabel } from '../../../src/train/embed/scale.js'

t.test('ratings of each scale become 0..1', async (t) => {
  t.strictSame(
    [1, 3, 5].map((rating) => toLabel(rating, [1, 5])),
    [0, 0.5, 1]
  )
  t.strictSame(
    [1, 3, 5].map((rating) => toLabel(rating, [5, 1])),
    [1, 0.5, 0],
    'a scale may run downwards'
  )
  t.strictSame(
    [0, 2, 4].map((rating) => toLabel(rating, 'helpsteer')),
    [0.1, 0.5, 0.9]
  )
  t.strictSame(
    [true, false, 1, 0].map((rating) => toLabel(rating, 'boolean')),
    [1, 0, 1, 0]
  )
  t.strictSame(
    [0.25, true, 1n].map((rating) => toLabel(rating)),
    [0.25, 1, 1],
    'without a scale: 0..1'
  )
})

t.test('what lies outside is told, or clipped', async (t) => {
  t.equal(toLabel(6, [1, 5]), 'is 6, outside 1 to 5; data.out_of_range "clip" takes the nearer end')
  t.match(toLabel(-0.001), /^is -0.001, outside 0 to 1/)
  t.strictSame([toLabel(6, [1, 5], 'clip'), toLabel(-1, [1, 5], 'clip')], [1, 0])
  t.strictSame([toLabel(6, [5, 1], 'clip'), toLabel(9, 'helpsteer', 'clip')], [0, 0.9])
})

t.test('what is no rating is told, clipping or not', async (t) => {
  for (const bad of [NaN, Infinity, -Infinity]) t.match(toLabel(bad, [0, 1], 'clip'), /not a finite number/)
  for (const bad of ['1', {}, [1]]) t.match(toLabel(bad, [0, 1], 'clip'), /^is not a number/)
  t.match(toLabel(2, 'boolean', 'clip'), /neither true nor false/)
  t.match(toLabel(true, [1, 5], 'clip'), /its scale is not/)
})
