import { resolveConfig } from '../../src/config/resolve.js'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { AdminListener } from '../../src/http/admin-listener.js'
import { isLoopback } from '../../src/http/auth/access.js'
import { KeyRing, parseKeys } from '../../src/http/auth/api-keys.js'
import { createApp } from '../../src/http/app.js'
import { fakeApp, fakeServices } from '../http/helpers.js'

const LIMITS = resolveConfig({ flags: {}, env: {} })

const KEY = 'sesame-open-sesame'

async function twoPorts(t: Test, keys: KeyRing | null = null) {
  const admin = new AdminListener('127.0.0.1', 0, LIMITS)
  const app = await createApp(fakeServices({ access: { keys, operators: admin.sockets, loopback: false } }))
  app.post('/admin/try', async () => ({ changed: true }))
  const operators = await admin.open(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => {
    admin.close()
    return app.close()
  })
  const { port } = app.server.address() as AddressInfo
  const status = async (origin: string, path: string, method = 'GET', headers = {}) => {
    const asked = request(origin + path, { method, headers, agent: false }).end()
    const [reply] = (await once(asked, 'response')) as [IncomingMessage]
    reply.resume()
    return reply.statusCode
  }
  return { everybody: `http://127.0.0.1:${port}`, operators, status }
}

t.test('metrics, documents and /admin are on the port for operators alone, all else on the other', async (t) => {
  const { everybody, operators, status } = await twoPorts(t)
  for (const [path, method] of [
    ['/metrics', 'GET'],
    ['/metrics', 'HEAD'],
    ['/docs/', 'GET'],
    ['/docs/json', 'GET'],
    ['/docs/static/swagger-ui.css', 'GET'],
    ['/admin/try', 'POST']
  ] as const) {
    t.equal(await status(everybody, path, method), 404, `${method} ${path}`)
    t.equal(await status(operators, path, method), 200, `${method} ${path}`)
  }
  for (const [path, method, expected] of [
    ['/v1/models', 'GET', 200],
    ['/score', 'POST', 400],
    ['/info', 'GET', 200]
  ] as const) {
    t.equal(await status(everybody, path, method), expected, path)
    t.equal(await status(operators, path, method), 404, path)
  }
  for (const probe of ['/livez', '/readyz', '/v2/health/ready']) {
    t.equal(await status(everybody, probe), 200)
    t.equal(await status(operators, probe), 200)
  }
})

t.test('keys are asked for on both ports', async (t) => {
  const { operators, status } = await twoPorts(t, new KeyRing(parseKeys(KEY)))
  t.equal(await status(operators, '/metrics'), 401)
  t.equal(await status(operators, '/metrics', 'GET', { 'x-api-key': KEY }), 200)
  t.equal(await status(operators, `/k/${KEY}/metrics`), 200)
})

t.test('on one port for all, /admin needs a key or a loopback address', async (t) => {
  const status = async (access: object, headers = {}) => {
    const app = await fakeApp(t, { access })
    app.post('/admin/try', async () => ({ changed: true }))
    const reply = await app.inject({ method: 'POST', url: '/admin/try', headers })
    return [reply.statusCode, reply.json<{ error?: { code: string } }>().error?.code]
  }
  const keys = new KeyRing(parseKeys(KEY))
  t.strictSame(await status({ loopback: true }), [200, undefined])
  t.strictSame(await status({ loopback: false }), [403, 'forbidden'])
  t.strictSame(await status({ loopback: false, keys }), [401, 'unauthorized'])
  t.strictSame(await status({ loopback: true, keys }), [401, 'unauthorized'])
  t.strictSame(await status({ loopback: false, keys }, { 'x-api-key': KEY }), [200, undefined])
  t.strictSame(await status({ loopback: true }, { origin: 'http://127.0.0.1:8080' }), [403, 'forbidden'], 'a web page')
})

t.test('by address or as localhost, where nothing but the address keeps web pages out', async (t) => {
  const status = async (host: string, access: object = { loopback: true }) => {
    const app = await fakeApp(t, { access })
    app.post('/admin/try', async () => ({ changed: true }))
    return (await app.inject({ method: 'POST', url: '/admin/try', headers: { host } })).statusCode
  }
  for (const host of [
    '127.0.0.1',
    '127.0.0.1:8080',
    'localhost:8080',
    'LocalHost',
    'a.localhost',
    'localhost.',
    '[::1]:8080'
  ]) {
    t.equal(await status(host), 200, host)
  }
  for (const host of [
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '[::1',
    'a:b:c',
    '0x7f.1'
  ]) {
    t.equal(await status(host), 403, host)
  }
  t.equal(await status('gpu-7', { loopback: true, operators: { has: () => true } }), 403, 'their own port, too')
  t.equal(await status('gpu-7', { loopback: false, operators: { has: () => true } }), 200, 'one that others reach')
  const app = await fakeApp(t)
  const score = {
    method: 'POST',
    url: '/score',
    headers: { host: 'gpu-7' },
    payload: { inputs: [{ text: 'a' }] }
  } as const
  t.equal((await app.inject(score)).statusCode, 200, 'other routes have any name')
})

t.test('which addresses only this machine reaches', async (t) => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost', '::ffff:127.0.0.1']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example.org', 'localhost.example.org', '128.0.0.1']) {
    t.notOk(isLoopback(host), host)
  }
})

t.test('a port that is taken is said by its own flag', async (t) => {
  const first = new AdminListener('127.0.0.1', 0, LIMITS)
  const app = await fakeApp(t)
  const { port } = new URL(await first.open(app))
  t.teardown(() => first.close())
  const second = new AdminListener('127.0.0.1', Number(port), LIMITS)
  await t.rejects(second.open(app), { code: 'invalid_config', message: /--admin-port .*EADDRINUSE/ })
})
