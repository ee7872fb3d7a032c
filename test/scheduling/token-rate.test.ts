import t from 'tap'
import { TokenRate } from '../../src/scheduling/token-rate.js'

t.test('knows nothing at first, then what was measured, then what batches say', async (t) => {
  t.equal(new TokenRate().perSecond, 0)
  const rate = new TokenRate({ targetTokens: 100, tokensPerSecond: 500 })
  t.equal(rate.perSecond, 500)
  // 0.9 * 100 + 310 tokens in 0.9 * 200 + 220 ms
  rate.add(310, 220)
  t.equal(rate.perSecond, 1000)
})

t.test('follows a change, and small batches say little', async (t) => {
  const rate = new TokenRate()
  for (let i = 0; i < 50; i++) rate.add(1000, 1000)
  rate.add(1, 10)
  t.ok(rate.perSecond > 990, `${rate.perSecond}`)
  for (let i = 0; i < 50; i++) rate.add(1000, 100)
  t.ok(rate.perSecond > 9000, `${rate.perSecond}`)
})
