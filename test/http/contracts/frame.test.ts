import t from 'tap'
import { CONTRACTS } from '../../../src/http/contracts/index.js'
import { floatJson } from '../../../src/http/contracts/float-json.js'
import { fakeApp } from '../helpers.js'
import { post, TEXT } from './support.js'

t.test('one URL, two contracts: the form of the body decides', async (t) => {
  const app = await fakeApp(t)
  t.match((await post(app, '/classify', { input: TEXT })).json(), { object: 'list' })
  t.match((await post(app, '/classify', { text: TEXT })).json(), { embedding: Array })
  // Errors are in the words of whom the body belongs to; of the first, where it belongs to nobody.
  t.match((await post(app, '/classify', { text: [] })).json(), { error: { code: 'invalid_request' } })
  t.match((await post(app, '/classify', { input: [] })).json(), { error: { code: 400 } })
  t.match((await post(app, '/classify', {})).json(), { error: { code: 400 } })
})

t.test('contracts have routes, labels and keys of their own', async (t) => {
  const labels = CONTRACTS.map(({ protocol }) => protocol)
  t.equal(new Set(labels).size, labels.length)
  const owners = new Map<string, string>()
  for (const { protocol, routes } of CONTRACTS) {
    for (const { url, keys, body } of routes) {
      t.equal(keys.length > 0, body !== undefined)
      for (const key of keys) {
        t.notOk(owners.has(`${url} ${key}`), `${url} with ${key}: ${protocol} and ${owners.get(`${url} ${key}`)}`)
        owners.set(`${url} ${key}`, protocol)
      }
    }
  }
})

t.test('a body without a label is read, for clients that send none', async (t) => {
  const app = await fakeApp(t)
  const reply = await app.inject({
    method: 'POST',
    url: '/get_reward',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: JSON.stringify({ query: [TEXT] })
  })
  t.equal(reply.statusCode, 200)
})

t.test('floatJson writes what JSON.stringify writes, numbers as floats', async (t) => {
  t.equal(
    floatJson({ a: [1, 0.5, -2, 1e21], 'b"': { c: null, d: 'ü\n', e: true }, f: [] }),
    '{"a":[1.0,0.5,-2.0,1e+21],"b\\"":{"c":null,"d":"ü\\n","e":true},"f":[]}'
  )
})
