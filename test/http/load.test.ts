import t from 'tap'
import { Lifecycle } from '../../src/http/lifecycle.js'
import { LoadMeter } from '../../src/http/load-meter.js'
import { fakeApp } from './helpers.js'

const payload = { inputs: [{ text: 'abc' }] }

/** The fields of a report. */
function fieldsOf(report: unknown): Record<string, number> {
  const [, text = ''] = /^TEXT (.+)$/.exec(String(report)) ?? []
  return Object.fromEntries(
    text.split(',').map((field) => {
      const [name = '', value] = field.split('=')
      return [name, Number(value)]
    })
  )
}

t.test('replies to work say how many tokens are outstanding, refusals and errors too; others do not', async (t) => {
  const load = { outstandingTokens: 1234, limitTokens: 2468 }
  const lifecycle = new Lifecycle()
  lifecycle.becomeReady()
  const app = await fakeApp(t, { load, lifecycle })
  const headersOf = async (url: string, body?: object) => {
    const method = body ? 'POST' : 'GET'
    const { headers, statusCode } = await app.inject({ method, url, ...(body && { payload: body }) })
    return { statusCode, tokens: headers['x-outstanding-tokens'], report: headers['endpoint-load-metrics'] }
  }
  const scored = await headersOf('/score', payload)
  t.match(scored, { statusCode: 200, tokens: '1234' })
  const { rps_fractional: rate, application_utilization: share, ...rest } = fieldsOf(scored.report)
  t.ok(rate! > 0, 'of the request itself')
  t.equal(share, 0.5)
  t.strictSame(rest, { 'named_metrics.outstanding_tokens': 1234 })
  load.outstandingTokens = 0
  t.match(await headersOf('/explain?prompt=a&response=b'), { statusCode: 200, tokens: '0' })
  t.match(await headersOf('/score', { inputs: [{ nonsense: 1 }] }), { statusCode: 400, tokens: '0' })
  t.strictSame(await headersOf('/readyz'), { statusCode: 200, tokens: undefined, report: undefined })
  t.match(await headersOf('/v2/health/ready'), { statusCode: 200, tokens: undefined })
  lifecycle.startDraining()
  t.match(await headersOf('/score', payload), { statusCode: 503, tokens: '0' })
})

t.test('both headers of a reply say the same number', async (t) => {
  let looks = 0
  const load = {
    get outstandingTokens() {
      return 1000 * ++looks
    },
    limitTokens: Infinity
  }
  const app = await fakeApp(t, { load })
  const { headers } = await app.inject({ method: 'POST', url: '/score', payload })
  t.equal(
    Number(headers['x-outstanding-tokens']),
    fieldsOf(headers['endpoint-load-metrics'])['named_metrics.outstanding_tokens']
  )
})

t.test('the report: requests a second, and the share of time for which the engine ran', async (t) => {
  let now = 0
  const meter = new LoadMeter(() => now)
  const idle = { outstandingTokens: 0, limitTokens: Infinity }
  t.strictSame(fieldsOf(meter.report(idle)), {
    rps_fractional: 0,
    application_utilization: 0.0001,
    'named_metrics.outstanding_tokens': 0
  })
  for (; now < 100_000; now += 100) {
    meter.requestAnswered()
    meter.batchEnded(25)
  }
  const busy = fieldsOf(meter.report(idle))
  t.ok(Math.abs(busy['rps_fractional']! - 10) < 0.2, `${busy['rps_fractional']} requests a second`)
  t.ok(Math.abs(busy['application_utilization']! - 0.25) < 0.005)
  now += 10_000
  const later = fieldsOf(meter.report({ outstandingTokens: 500, limitTokens: 1000 }))
  t.ok(Math.abs(later['application_utilization']! - 0.5 - busy['application_utilization']! / Math.E) < 0.001)
})

t.test('the engine runs for no more than all of the time, however long its batches take', async (t) => {
  let now = 0
  const meter = new LoadMeter(() => now)
  const idle = { outstandingTokens: 0, limitTokens: Infinity }
  for (let batch = 0; batch < 3; batch++) {
    now += 60_000
    meter.batchEnded(60_000)
    const share = fieldsOf(meter.report(idle))['application_utilization']!
    t.ok(share > 0.99 && share <= 1, `${share} of the time`)
  }
})
