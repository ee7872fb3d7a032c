import t from 'tap'
import { inValidation } from '../../src/train/split.js'

t.test('a share of the keys, the same for the same seed', async (t) => {
  const keys = Array.from({ length: 4000 }, (_, i) => `prompt ${i}`)
  const split = (seed: number, share: number) => keys.filter((key) => inValidation(key, seed, share))
  for (const share of [0.1, 0.5]) t.ok(Math.abs(split(1, share).length / 4000 - share) < 0.03)
  t.strictSame(split(1, 0.3), split(1, 0.3))
  const overlap = split(1, 0.3).filter((key) => split(2, 0.3).includes(key)).length
  t.ok(overlap > 0 && overlap < 600, 'another seed splits independently')
  const smaller = new Set(split(1, 0.1))
  t.ok(
    [...smaller].every((key) => inValidation(key, 1, 0.3)),
    'a larger share only adds keys'
  )
})
