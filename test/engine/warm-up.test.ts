import fc from 'fast-check'
import t from 'tap'
import type { EngineSequence } from '../../src/engine/contract.js'
import { chooseTarget, measureCapacity, syntheticBatch, type WarmUpOptions } from '../../src/engine/warm-up.js'

const OPTIONS = { vocabSize: 16, maxTokens: 64, maxBatchTokens: 1024, maxBatchSequences: 32, budgetMs: 1500 }

t.test('the target is the smallest batch that no larger one beats by more than 5 %', async (t) => {
  const choose = (rates: readonly number[]) => {
    return chooseTarget(rates.map((rate, i) => ({ tokens: 16 * 2 ** i, ms: (1000 * 16 * 2 ** i) / rate }))).targetTokens
  }
  t.equal(choose([100]), 16)
  t.equal(choose([100, 200, 400, 800]), 128, 'still rising: the largest')
  t.equal(choose([100, 200, 290, 300, 301]), 64)
  t.equal(choose([100, 200, 280, 300, 301]), 128)
  t.equal(choose([300, 250, 200]), 16, 'larger ones are slower')
  t.equal(choose([100, 300, 200, 295]), 32, 'a slow one between')
  const { targetTokens, tokensPerSecond } = chooseTarget([{ tokens: 50, ms: 250 }])
  t.strictSame([targetTokens, tokensPerSecond], [50, 200])
  t.throws(() => chooseTarget([]), RangeError)
})

t.test('no measured batch beats the target by more than 5 %, whatever was measured', async () => {
  const timed = fc.array(
    fc.record({ tokens: fc.integer({ min: 1, max: 9999 }), ms: fc.integer({ min: 1, max: 999 }) }),
    {
      minLength: 1
    }
  )
  fc.assert(
    fc.property(timed, (timed) => {
      const { targetTokens, tokensPerSecond } = chooseTarget(timed)
      const sizes = timed.map(({ tokens }) => tokens)
      return (
        sizes.includes(targetTokens) &&
        timed.every(({ tokens, ms }) => 1050 * (tokensPerSecond / 1000) * ms >= tokens * 1000 * 0.999)
      )
    })
  )
})

const tokensOf = (batch: readonly EngineSequence[]) => batch.reduce((sum, { ids }) => sum + ids.length, 0)

/** Measures an engine that takes so long for so many tokens, on a clock of its own. */
async function measured(msOf: (tokens: number) => number, options: Partial<WarmUpOptions> = {}) {
  let clock = 0
  const sizes: number[] = []
  const run = async (batch: readonly EngineSequence[]) => {
    const tokens = tokensOf(batch)
    sizes.push(tokens)
    clock += msOf(tokens)
  }
  const capacity = await measureCapacity(run, { ...OPTIONS, ...options }, () => clock)
  return { capacity, sizes: [...new Set(sizes)], clock }
}

t.test('doubles up to the largest batch where that is fast', async (t) => {
  // 10 ms for a batch, and 0.1 ms for a token: at 2,048 tokens the rate is within 5 % of that at 4,096.
  const { capacity, sizes } = await measured((tokens) => 10 + 0.1 * tokens, {
    maxBatchTokens: 4096,
    maxBatchSequences: 64
  })
  t.strictSame(sizes, [16, 32, 64, 128, 256, 512, 1024, 2048, 4096])
  t.equal(capacity.targetTokens, 2048)
  t.ok(Math.abs(capacity.tokensPerSecond - (1000 * 2048) / 214.8) < 1e-6)
})

t.test('of three runs of one size the fastest counts, where they take little of the budget', async (t) => {
  const runs = new Map<number, number>()
  const slowFirst = (ms: number) => (tokens: number) => {
    const before = runs.get(tokens) ?? 0
    runs.set(tokens, before + 1)
    return ms * [3, 1, 2][before]!
  }
  const { capacity } = await measured(slowFirst(10), { maxBatchTokens: 16 })
  t.strictSame([capacity.tokensPerSecond, runs.get(16)], [1600, 3])
  runs.clear()
  const long = await measured(slowFirst(100), { maxBatchTokens: 16 })
  t.strictSame([long.capacity.tokensPerSecond, runs.get(16)], [16_000 / 300, 1])
})

t.test('stops where the next size would go beyond the budget, or the allowed batch', async (t) => {
  const slow = await measured((tokens) => tokens)
  t.ok(slow.clock <= 1500, `${slow.clock} ms`)
  t.strictSame(slow.sizes, [16, 32, 64, 128, 256, 512])
  t.equal(slow.capacity.targetTokens, 16)
  t.strictSame((await measured(() => 5000)).sizes, [16], 'one batch it has to be')
  t.strictSame((await measured(() => 1, { maxBatchTokens: 100 })).sizes, [16, 32, 64, 100])
  t.strictSame((await measured(() => 1, { maxBatchTokens: 7 })).sizes, [7])
  t.strictSame((await measured(() => 1, { maxBatchSequences: 3 })).sizes, [16, 32, 64, 128], 'three rows of 64 at most')
})

t.test('a batch that the engine refuses ends it; the smallest has to run', async (t) => {
  const refusing = (limit: number) =>
    measured((tokens) => {
      if (tokens > limit) throw new Error('no memory')
      return 1
    })
  t.strictSame((await refusing(100)).capacity.targetTokens, 64)
  await t.rejects(refusing(15), { message: 'no memory' })
})

t.test('synthetic batches share no token, and are what the model takes', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 2, max: 50 }), (tokens, vocabSize) => {
      const batch = syntheticBatch(tokens, { ...OPTIONS, vocabSize })
      if (batch === null) return Math.ceil(tokens / OPTIONS.maxTokens) > OPTIONS.maxBatchSequences
      const inside = batch.every(({ ids, gateIndex }) => {
        return ids.length <= OPTIONS.maxTokens && gateIndex < ids.length && ids.every((id) => id >= 0 && id < vocabSize)
      })
      const full = batch.filter(({ ids }) => ids.length >= 16).map(({ ids }) => ids.subarray(0, 16).join())
      return inside && tokensOf(batch) === tokens && new Set(full).size === full.length
    })
  )
})
