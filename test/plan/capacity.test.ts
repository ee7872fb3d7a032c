import fc from 'fast-check'
import t from 'tap'
import { batchCost } from '../../src/plan/batch-cost.js'
import { type Demand, planGpu, planReplicas } from '../../src/plan/capacity.js'
import { BACKBONES, GPUS, linearWeights } from '../../src/plan/hardware.js'

const demand = (changes: Partial<Demand> = {}): Demand => ({
  tokensPerSecond: 100_000,
  shared: 0,
  conversationTokens: 600,
  utilisation: 0.7,
  ...changes
})

t.test('weights of the linear layers are those of the published checkpoints', async (t) => {
  // Llama-3-8B has 8,030,261,248 parameters: two tables of 128,256 x 4,096 and 65 norms of 4,096 besides.
  t.equal(linearWeights(BACKBONES['8b']), 8_030_261_248 - 2 * 128_256 * 4096 - 65 * 4096)
  // Llama-3.2-1B, whose head is its embedding: 1,235,814,400.
  t.equal(linearWeights(BACKBONES['1b']), 1_235_814_400 - 128_256 * 2048 - 33 * 2048)
})

t.test('no GPU is faster than its peak, and larger batches are never slower per token', async (t) => {
  for (const gpu of Object.values(GPUS)) {
    const cost = batchCost(gpu, BACKBONES['8b'])
    const perToken = [256, 1024, 4096, 16_384].map((tokens) => cost({ tokens, squares: 0 }) / tokens)
    t.ok(perToken.every((ms, i) => i === 0 || ms < perToken[i - 1]!))
    t.ok(perToken.every((ms) => (2 * linearWeights(BACKBONES['8b'])) / (ms / 1000) < gpu.flops))
  }
})

t.test('replicas carry the load within their share of time, and one less would not', async (t) => {
  const positive = { min: 1, max: 1e7, noNaN: true }
  fc.assert(
    fc.property(
      fc.double(positive),
      fc.double(positive),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (load, rate, shared) => {
        const { replicas, busy } = planReplicas(demand({ tokensPerSecond: load, shared }), rate)
        t.ok(busy <= 0.7 + 1e-9)
        t.ok(replicas === 1 || load * (1 - shared) > rate * 0.7 * (replicas - 1) * (1 - 1e-9))
      }
    )
  )
})

t.test('sharing saves replicas; a model that does not fit is refused', async (t) => {
  const replicas = (changes: Partial<Demand>) => planGpu(demand(changes), GPUS.a100, BACKBONES['8b'], 8192).replicas
  t.ok(replicas({ shared: 0.7 }) < replicas({}))
  t.throws(() => planGpu(demand(), GPUS.h100, BACKBONES['70b'], 8192), { code: 'invalid_config' })
  t.throws(() => planGpu(demand(), GPUS.l4, BACKBONES['8b'], 200_000), /GB with batches of 200000 tokens/)
})
