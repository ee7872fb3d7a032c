import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import { fakeApp } from './helpers.js'

t.test('the log has one line a request with the pattern of its route, and never a URL or a text', async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, {}, log)
  const secret = 'PRIVATE'
  const requests = [
    { method: 'GET', url: `/explain?prompt=${secret}&response=${secret}` },
    { method: 'GET', url: `/explain?promt=${secret}&response=${secret}` },
    { method: 'GET', url: `/explain/${secret}` },
    { method: 'GET', url: `/explain/%zz${secret}` },
    { method: 'GET', url: `/explain/${secret.repeat(50)}` },
    { method: 'GET', url: `/none/${secret}?${secret}` },
    { method: 'DELETE', url: `/explain/${secret}?${secret}` },
    { method: 'POST', url: `/score?${secret}`, payload: { inputs: [{ text: secret }] } },
    { method: 'POST', url: '/score', payload: { inputs: [{ [secret]: secret }], [secret]: 1 } },
    { method: 'POST', url: '/score', payload: `{"inputs": ${secret}` }
  ] as const
  for (const request of requests) await app.inject(request)
  const lines = log.map((line) => JSON.parse(line) as { msg: string; route?: string; status?: number; reqId?: string })
  t.notMatch(log.join(''), secret)
  t.strictSame(
    lines.filter(({ msg }) => msg === 'request').map(({ route, status }) => [route, status]),
    [
      ['/explain', 200],
      ['/explain', 400],
      ['/explain/:explain_id', 404],
      ['unmatched', 400],
      ['unmatched', 404],
      ['unmatched', 404],
      ['unmatched', 405],
      ['/score', 200],
      ['/score', 400],
      ['/score', 400]
    ]
  )
  t.ok(lines.filter(({ msg }) => msg === 'request').every(({ reqId }) => typeof reqId === 'string'))
})

t.test('a defect is logged with its stack under the request id, and not told to the caller', async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, { rater: { rate: () => Promise.reject(new TypeError('inner fault')) } }, log)
  const headers = { 'x-request-id': 'id-1' }
  const reply = await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ text: 'a' }] }, headers })
  t.notMatch(reply.body, /inner fault/)
  const line = log.map((each) => JSON.parse(each) as object).find((each) => 'err' in each)
  t.match(line, { reqId: 'id-1', msg: 'internal', err: { message: 'inner fault', stack: /helpers|log\.test/ } })
})

t.test('that the server stops or the engine is away is no fault of a request', async (t) => {
  for (const code of ['shutting_down', 'engine_unavailable'] as const) {
    const log: string[] = []
    const app = await fakeApp(t, { rater: { rate: () => Promise.reject(new ArmormError(code, 'not now')) } }, log)
    await app.inject({ method: 'POST', url: '/score', payload: { inputs: [{ text: 'a' }] } })
    const lines = log.map((each) => JSON.parse(each) as { level: number; status: number })
    t.match(lines, [{ level: 30, status: 503, code }])
  }
})

t.test('probes are logged at debug', async (t) => {
  const log: string[] = []
  const app = await fakeApp(t, {}, log)
  await app.inject({ method: 'GET', url: '/livez' })
  await app.inject({ method: 'GET', url: '/v1/models' })
  const levels = log.map((line) => JSON.parse(line) as { level: number; route: string })
  t.strictSame(
    levels.map(({ level, route }) => [level, route]),
    [
      [20, '/livez'],
      [30, '/v1/models']
    ]
  )
})
