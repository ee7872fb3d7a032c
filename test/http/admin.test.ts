import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import { fakeApp, manifest } from './helpers.js'

const ask = { method: 'POST', url: '/admin/reload' } as const

t.test('a reload names the model before and the one that is served now', async (t) => {
  const current = { ...manifest, model: { ...manifest.model, revision: 'fedcba9876543210' } }
  const app = await fakeApp(t, { reload: async () => ({ previous: manifest, current, ms: 1234 }) })
  for (const payload of [undefined, {}]) {
    const reply = await app.inject({ ...ask, ...(payload && { payload }) })
    t.equal(reply.statusCode, 200)
    t.strictSame(reply.json(), {
      previous: { name: 'tiny', revision: '0123456789abcdef', precision: 'fp32' },
      model: { name: 'tiny', revision: 'fedcba9876543210', precision: 'fp32' },
      ms: 1234
    })
  }
})

t.test('why nothing was reloaded is told', async (t) => {
  for (const [code, status] of [
    ['reload_running', 409],
    ['reload_failed', 500],
    ['shutting_down', 503]
  ] as const) {
    const app = await fakeApp(t, { reload: () => Promise.reject(new ArmormError(code, 'why')) })
    const reply = await app.inject(ask)
    t.equal(reply.statusCode, status)
    t.match(reply.json(), { error: { code, message: 'why' } })
  }
})

t.test('a server that was not told to take reloads has no such route', async (t) => {
  const reply = await (await fakeApp(t)).inject(ask)
  t.match([reply.statusCode, reply.json()], [404, { error: { code: 'not_found' } }])
})
