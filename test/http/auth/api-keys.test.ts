import fc from 'fast-check'
import t from 'tap'
import { KeyRing, parseKeys } from '../../../src/http/auth/api-keys.js'

const KEY = 'k'.repeat(16)

t.test('a file of keys: names, bare keys, comments, white space, line ends of any system', async (t) => {
  const text = `\ufeff# trainers\r\n\n  run-1 : ${KEY}1 \r\n${KEY}2\nrun-1:${KEY}3==\n`
  const keys = parseKeys(text)
  t.strictSame(
    keys.map(({ name }) => name),
    ['run-1', 'line-4', 'run-1']
  )
  const ring = new KeyRing(keys)
  t.equal(ring.nameOf(`${KEY}1`), 'run-1')
  t.equal(ring.nameOf(`${KEY}2`), 'line-4')
  t.equal(ring.nameOf(`${KEY}3==`), 'run-1')
  for (const wrong of ['', KEY, `${KEY}1 `, `run-1:${KEY}1`, '# trainers', `${KEY}4`]) t.equal(ring.nameOf(wrong), null)
})

t.test('what is no key is refused by its line, and never quoted', async (t) => {
  for (const [text, line] of [
    ['short', /line 1 .*16 to 512/],
    [`\n${'x'.repeat(513)}`, /line 2 .*16 to 512/],
    [`a b:${KEY}`, /line 1 .*name/],
    [`:${KEY}`, /line 1 .*name/],
    [`a:${KEY} secret`, /line 1 .*16 to 512/],
    [`a:${KEY}\nb:${KEY}`, /line 2 .*repeats/],
    ['# none\n', /no key/],
    ['', /no key/]
  ] as const) {
    t.throws(() => parseKeys(text), { code: 'invalid_config', message: line }, JSON.stringify(text))
    try {
      parseKeys(text)
    } catch (error) {
      t.notMatch((error as Error).message, /kkkk|xxxx|secret/)
    }
  }
})

t.test('of keys of any form, each is known by its own name and nothing else is', async (t) => {
  const key = fc.string({ unit: fc.constantFrom(...'abXY09-._~+/'), minLength: 16, maxLength: 40 })
  fc.assert(
    fc.property(fc.uniqueArray(key, { minLength: 1, maxLength: 5 }), key, (keys, other) => {
      const ring = new KeyRing(parseKeys(keys.map((each, i) => `name${i}:${each}`).join('\n')))
      for (const [i, each] of keys.entries()) t.equal(ring.nameOf(each), `name${i}`)
      t.equal(ring.nameOf(other), keys.includes(other) ? `name${keys.indexOf(other)}` : null)
    }),
    { numRuns: 50 }
  )
})
