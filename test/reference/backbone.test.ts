import t from 'tap'
import { inverseFrequencies, rmsNorm } from '../../src/reference/backbone.js'
import { softmax } from '../../src/reference/linear.js'

t.test('RMSNorm brings the mean square to one', async (t) => {
  const normed = rmsNorm(Float64Array.of(3, 4, 0, 0), Float32Array.of(1, 2), 0)
  const root = Math.sqrt(12.5)
  t.strictSame([...normed.subarray(0, 2)], [3 / root, (4 / root) * 2])
  t.ok(Number.isNaN(normed[2]), 'a row of zeros needs the epsilon')
  t.strictSame([...rmsNorm(Float64Array.of(0, 0), Float32Array.of(1, 2), 1e-5)], [0, 0])
})

t.test('softmax survives large logits', async (t) => {
  t.strictSame([...softmax(Float64Array.of(1000, 1000, -1000))], [0.5, 0.5, 0])
})

t.test('llama3 scaling leaves short waves, divides long ones, blends between', async (t) => {
  // Original context 64: wavelengths below 16 are kept, above 64 divided by 8, and 20 and 63 lie between.
  const scaling = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 64 } as const
  const scaled = inverseFrequencies({ theta: 10000, scaling }, 16)
  const plain = inverseFrequencies({ theta: 10000, scaling: { type: 'none' } }, 16)
  const ratios = Array.from(scaled, (frequency, i) => plain[i]! / frequency)
  t.strictSame(plain[0], 1)
  t.ok(Math.abs(plain[4]! - 0.01) < 1e-15)
  t.equal(ratios[0], 1)
  t.ok(ratios[1]! > 1 && ratios[1]! < ratios[2]! && ratios[2]! < 8, 'between the bounds the change grows')
  t.strictSame(ratios.slice(3).map(Math.round), [8, 8, 8, 8, 8])
})

t.test('linear scaling divides every frequency', async (t) => {
  const scaled = inverseFrequencies({ theta: 100, scaling: { type: 'linear', factor: 4 } }, 4)
  t.strictSame([...scaled], [0.25, 0.1 / 4])
})
