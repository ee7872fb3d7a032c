import fc from 'fast-check'
import t from 'tap'
import { gatingShape } from '../../src/monitoring/gating-shape.js'

t.test('equal weights, one that rules, none', async (t) => {
  t.match(gatingShape(Float32Array.of(0.5, 0.5, 0.5, 0.5)), { entropy: 1, topShare: 0.25, top: 0 })
  t.match(gatingShape(Float32Array.of(0, 3, 0)), { entropy: 0, topShare: 1, top: 1 })
  t.match(gatingShape(Float32Array.of(0, 0)), { entropy: 0, topShare: 1, top: 0 })
  t.match(gatingShape(Float32Array.of(2)), { entropy: 0, topShare: 1, top: 0 })
})

t.test('half on each of two of four objectives is half of the entropy', async (t) => {
  t.ok(Math.abs(gatingShape(Float32Array.of(0, 1, 1, 0)).entropy - 0.5) < 1e-12)
})

t.test('always within 0 and 1, whatever the logit scale', async (t) => {
  const weights = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 30 })
  fc.assert(
    fc.property(weights, fc.constantFrom(0.01, 1, 50), (shares, scale) => {
      const { entropy, topShare, top } = gatingShape(Float32Array.from(shares, (share) => share * scale))
      t.ok(entropy >= 0 && entropy <= 1 + 1e-9 && topShare >= 1 / shares.length - 1e-6 && topShare <= 1)
      t.ok(shares.every((share) => Math.fround(share * scale) <= Math.fround((shares[top] as number) * scale)))
    })
  )
})
