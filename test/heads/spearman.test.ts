import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { correlationMatrix, ranks, spearman } from '../../src/heads/spearman.js'
import { ROOT } from '../support/paths.js'

t.test('equal values share the mean of their ranks', async (t) => {
  t.strictSame([...ranks([30, 10, 20, 10])], [4, 1.5, 3, 1.5])
  t.strictSame([...ranks([0, -0, 1])], [1.5, 1.5, 3], 'zero has no sign')
  t.strictSame([...ranks([])], [])
})

t.test("is scipy's, ties and constants included", async (t) => {
  const file = readFileSync(join(ROOT, 'test/fixtures/train/stage1/spearman.json'), 'utf8')
  for (const { a, b, rho } of JSON.parse(file) as { a: number[]; b: number[]; rho: number | null }[]) {
    const found = spearman(a, b)
    if (rho === null) t.ok(Number.isNaN(found))
    else t.ok(Math.abs(found - rho) < 1e-9, `${found} against ${rho}`)
  }
})

t.test('any growing function of a variable leaves it as it is', async () => {
  const value = fc.integer({ min: -20, max: 20 })
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { minLength: 2, maxLength: 60 }), (pairs) => {
      const a = pairs.map(([x]) => x)
      const b = pairs.map(([, y]) => y)
      const plain = spearman(a, b)
      const grown = spearman(
        a.map((x) => x ** 3 + 5),
        b.map((y) => Math.exp(y / 10))
      )
      const turned = spearman(
        a,
        b.map((y) => -y)
      )
      return Object.is(plain, grown) && (Number.isNaN(plain) ? Number.isNaN(turned) : Math.abs(plain + turned) < 1e-12)
    })
  )
})

t.test('a matrix of correlations', async (t) => {
  const matrix = correlationMatrix([
    [1, 2, 3],
    [3, 2, 1],
    [5, 5, 5]
  ])
  t.strictSame(matrix, [
    [1, -1, NaN],
    [-1, 1, NaN],
    [NaN, NaN, NaN]
  ])
})
