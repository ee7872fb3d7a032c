/** API keys and the operators' port of the real server. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tinyBundle } from '../support/bundles.js'
import { runArmorm, startArmorm, startServer } from '../support/server.js'
import { until } from '../support/until.js'

const [ONE, TWO] = ['one-one-one-one-1', 'two-two-two-two-2']

t.test('keys of a file, read anew when it changes; metrics on the port for operators', async (t) => {
  const model = await tinyBundle(t, 'one-objective')
  const keys = join(model, '..', 'keys')
  writeFileSync(keys, `a:${ONE}`)
  const server = await startServer(t, ['--model', model, '--api-keys', keys, '--admin-port', '0'])
  t.equal((await server.get('/livez')).status, 200)
  t.equal((await server.get('/v1/models')).status, 401)
  t.equal((await server.get(`/k/${ONE}/v1/models`)).status, 200)
  t.equal((await server.get(`/k/${ONE}/metrics`)).status, 404)
  writeFileSync(keys, `b:${TWO}`)
  await until(async () => (await server.get(`/k/${TWO}/v1/models`)).status === 200)
  t.equal((await server.get(`/k/${ONE}/v1/models`)).status, 401)
  process.kill(server.pid, 'SIGTERM')
  const { code, stdout } = await server.exit
  t.equal(code, 0, 'the second port does not hold the stop up')
  t.match(stdout, /metrics, docs and admin at http:\/\/127\.0\.0\.1:\d+/)
  t.notMatch(stdout, new RegExp(`${ONE}|${TWO}`))
})

t.test('another address than the loopback without keys is warned of', async (t) => {
  const model = await tinyBundle(t, 'one-objective')
  const { child, exit } = startArmorm(t, ['serve', '--port', '0', '--model', model, '--host', '0.0.0.0'])
  for await (const chunk of child.stdout) if (String(chunk).includes('no API keys are set')) child.kill('SIGTERM')
  t.equal((await exit).code, 0)
})

t.test('does not start with a file of keys that has a line that is none', async (t) => {
  const keys = join(t.testdir({ keys: `a:${ONE}\nb:secret` }), 'keys')
  const { code, stderr } = await runArmorm(t, ['serve', '--port', '0', '--api-keys', keys])
  t.equal(code, 1)
  t.match(stderr, /^armorm: invalid_config: line 2 of the API keys .*\n$/)
  t.notMatch(stderr, /secret/)
})
