import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openapiDocument } from '../../scripts/openapi.js'
import { fakeApp } from './helpers.js'

// Compiled to build/test/http, three folders below the root.
const committed = await readFile(new URL('../../../openapi/openapi.json', import.meta.url), 'utf8')

t.test('openapi/openapi.json is what the server generates (npm run openapi writes it)', async (t) => {
  t.equal(committed, await openapiDocument())
})

t.test('the server shows it', async (t) => {
  const app = await fakeApp(t, { reload: () => Promise.reject(new Error('nothing to reload')) })
  const document = await app.inject({ method: 'GET', url: '/docs/json' })
  t.strictSame(document.json(), JSON.parse(committed))
  const page = await app.inject({ method: 'GET', url: '/docs' })
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-type'], /html/)
  t.notMatch(page.headers['content-security-policy'], /upgrade-insecure-requests|https:/, 'works over plain HTTP')
  const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '')
  t.ok(assets.length > 3)
  for (const url of assets) t.equal((await app.inject({ method: 'GET', url })).statusCode, 200, url)
})

t.test('every route but the page is in it, and every reference leads somewhere', async (t) => {
  const document = JSON.parse(committed) as { openapi: string; paths: object; components: { schemas: object } }
  t.match(document.openapi, /^3\.1\./)
  t.strictSame(Object.keys(document.paths).sort(), [
    '/admin/reload',
    '/aggregate_metrics',
    '/align-anything',
    '/apis/custom/reward-system/v1/submit_task',
    '/apis/custom/reward-system/v1/task_result',
    '/classify',
    '/explain',
    '/explain/{explain_id}',
    '/get_reward',
    '/health',
    '/info',
    '/livez',
    '/metrics',
    '/pooling',
    '/predict',
    '/readyz',
    '/rerank',
    '/score',
    '/seed_session',
    '/slime',
    '/slime/objectives',
    '/v1/chat/completions',
    '/v1/embeddings',
    '/v1/models',
    '/v1/models/{model}',
    '/v1/models/{model}:predict',
    '/v1/rerank',
    '/v1/score',
    '/v1/score/evaluation',
    '/v2',
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/{model}',
    '/v2/models/{model}/config',
    '/v2/models/{model}/infer',
    '/v2/models/{model}/ready',
    '/v2/repository/index',
    '/v2/rerank',
    '/verify',
    '/xtuner'
  ])
  for (const [, name] of committed.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    t.ok(Object.hasOwn(document.components.schemas, name ?? ''), `${name}`)
  }
})
