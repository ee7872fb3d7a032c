/** Prototype poisoning and duplicate keys. */
import fc from 'fast-check'
import t from 'tap'
import { fakeApp } from '../http/helpers.js'

/** Spellings of a key that JSON reads alike. */
function spellings(key: string): string[] {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  return [
    key,
    [...key].map(escaped).join(''),
    escaped(key[0] ?? '') + key.slice(1),
    key.slice(0, -1) + escaped(key.at(-1) ?? '')
  ]
}

const URLS = [
  '/score',
  '/explain',
  '/get_reward',
  '/v2/models/tiny/infer',
  '/v1/models/tiny:predict',
  '/slime',
  '/verify'
]
const poison = fc.oneof(
  fc.constantFrom(...spellings('__proto__')).map((key) => `"${key}": {"polluted": 1}`),
  fc
    .tuple(fc.constantFrom(...spellings('constructor')), fc.constantFrom(...spellings('prototype')))
    .map(([outer, inner]) => `"${outer}": {"${inner}": {"polluted": 1}}`)
)
/** Where in a body it stands. */
const PLACES = [
  (member: string) => `{${member}, "inputs": []}`,
  (member: string) => `{"inputs": [{"text": "a", ${member}}]}`,
  (member: string) => `{"inputs": [{"messages": [{"role": "user", "content": "a", ${member}}]}]}`,
  (member: string) => `{"inputs": [], "x": [[[{${member}}]]]}`,
  (member: string) => `[{${member}}]`
]

t.test('keys that reach a prototype are refused, in any spelling and at any depth', async (t) => {
  const app = await fakeApp(t)
  await fc.assert(
    fc.asyncProperty(poison, fc.constantFrom(...PLACES), fc.constantFrom(...URLS), async (member, place, url) => {
      const payload = place(member)
      const reply = await app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } })
      t.equal(reply.statusCode, 400, `${url} ${payload}`)
      t.equal(({} as { polluted?: number }).polluted, undefined)
    }),
    { numRuns: 150 }
  )
  for (const url of [
    '/explain?__proto__[polluted]=1&prompt=a&response=b',
    '/explain?__proto__=1&prompt=a&response=b'
  ]) {
    t.ok((await app.inject({ url })).statusCode < 500)
    t.equal(({} as { polluted?: number }).polluted, undefined)
  }
})

t.test('as texts they are texts', async (t) => {
  const app = await fakeApp(t)
  const text = '{"__proto__": {"constructor": {"prototype": 1}}}'
  const reply = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ id: text, text }] } })
  t.match(reply.json(), { results: [{ id: text }] })
})

t.test('of duplicate keys the last one counts, everywhere', async (t) => {
  const app = await fakeApp(t)
  const post = async (payload: string) => {
    const headers = { 'content-type': 'application/json' }
    return (await app.inject({ method: 'POST', url: '/score', payload, headers })).json<object>()
  }
  const { results } = (await post('{"inputs": [{"text": "abc"}], "return": []}')) as { results: unknown[] }
  t.equal(results.length, 1)
  const value = fc.constantFrom('[]', 'null', '5', '"a"', '[{"text": "other"}]', '{"text": "b"}')
  await fc.assert(
    fc.asyncProperty(fc.array(value, { maxLength: 3 }), fc.array(value, { maxLength: 3 }), async (outer, inner) => {
      const texts = [...inner.map((each) => `"text": ${each}`), '"text": "abc"'].join()
      const inputs = [...outer.map((each) => `"inputs": ${each}`), `"inputs": [{${texts}}]`].join()
      const reply = (await post(`{${inputs}, "return": []}`)) as { results: unknown }
      t.strictSame(reply.results, results)
    }),
    { numRuns: 50 }
  )
  t.match(await post('{"inputs": [{"text": "a"}], "inputs": 5}'), { error: { code: 'invalid_request' } })
})
