import t from 'tap'
import { tracesUrl } from '../../src/tracing/endpoint.js'

const ALL = 'OTEL_EXPORTER_OTLP_ENDPOINT'
const TRACES = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'

t.test('where traces go', async (t) => {
  const cases: [string, Record<string, string>, string | null][] = [
    ['auto', {}, null],
    ['auto', { [ALL]: '' }, null],
    ['auto', { [ALL]: 'http://collector:4318' }, 'http://collector:4318/v1/traces'],
    ['auto', { [ALL]: 'https://collector/otlp/' }, 'https://collector/otlp/v1/traces'],
    ['auto', { [ALL]: 'http://a', [TRACES]: 'http://b/x' }, 'http://b/x'],
    ['auto', { [ALL]: 'http://a', OTEL_SDK_DISABLED: 'true' }, null],
    ['auto', { [ALL]: 'http://a', OTEL_TRACES_EXPORTER: 'none' }, null],
    ['none', { [ALL]: 'http://a' }, null],
    ['http://c:4318', { [ALL]: 'http://a', [TRACES]: 'http://b' }, 'http://c:4318/v1/traces'],
    ['http://user:word@c/sub', {}, 'http://user:word@c/sub/v1/traces']
  ]
  for (const [option, env, url] of cases) t.equal(tracesUrl(option, env)?.href ?? null, url, `${option} ${url}`)
})

t.test('what is no URL is refused by its name, and not quoted', async (t) => {
  const of = (option: string, env: Record<string, string> = {}) => {
    try {
      return tracesUrl(option, env)
    } catch (error) {
      return error
    }
  }
  for (const wrong of ['PRIVATE:4318', 'ftp://PRIVATE', 'http://', '/PRIVATE']) {
    t.match(of(wrong), { code: 'invalid_config', message: /^--otlp-endpoint / }, wrong)
    t.match(of('auto', { [ALL]: wrong }), { code: 'invalid_config', message: new RegExp(`^${ALL} `) })
    t.match(of('auto', { [TRACES]: wrong }), { code: 'invalid_config', message: new RegExp(`^${TRACES} `) })
    t.notMatch((of(wrong) as Error).message, /PRIVATE/)
  }
})
