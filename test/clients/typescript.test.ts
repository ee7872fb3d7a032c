/** clients/typescript: its types are those of the server, and the example of its README runs. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { affinityKey, type components, createArmormClient } from '../../clients/typescript/index.js'
import { clientTypes } from '../../scripts/openapi.js'
import { fences, read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'
import { startServer } from '../support/server.js'

const run = promisify(execFile)

t.test('schema.ts is what openapi.json amounts to (npm run openapi writes it)', async (t) => {
  t.equal(read('clients/typescript/schema.ts'), await clientTypes(read('openapi/openapi.json')))
})

t.test('the example of the README is example.ts, and scores', async (t) => {
  const [shown] = fences(read('clients/typescript/README.md')).filter(({ language }) => language === 'ts')
  t.equal(shown?.text, read('clients/typescript/example.ts'))
  const { origin, post } = await startServer(t, [])
  const { stdout } = await run(process.execPath, [`${ROOT}build/clients/typescript/example.js`, origin])
  const inputs = ['4', '5'].map((response) => ({ prompt: 'What is 2+2?', response }))
  const { results } = (await post('/score', { inputs })).json<{ results: { score: number }[] }>()
  for (const { score } of results) t.ok(stdout.includes(String(score)), `${score}`)
})

t.test('its packages are those that the tests run with', async (t) => {
  const versions = (path: string) =>
    JSON.parse(read(path)) as Record<'dependencies' | 'devDependencies', Record<string, string>>
  const { dependencies, devDependencies } = versions('clients/typescript/package.json')
  const own = versions('package.json').devDependencies
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    t.equal(version, own[name], name)
})

t.test('POST /score names the prompt of all inputs in x-affinity-key', async (t) => {
  const keys: (string | null)[] = []
  const fetched = async (request: Request) => {
    keys.push(request.headers.get('x-affinity-key'))
    // The body is still there to be sent.
    t.equal(((await request.json()) as { inputs?: unknown[] }).inputs !== undefined, true)
    return Response.json({})
  }
  const client = createArmormClient('http://127.0.0.1', { fetch: fetched })
  const keyOf = async (...inputs: components['schemas']['Input'][]) => {
    await client.POST('/score', { body: { inputs } })
    return keys.pop()
  }
  const own = await keyOf({ prompt: 'Hi', response: '1' })
  t.match(own, /^[0-9a-f]{32}$/)
  t.equal(own, await affinityKey('Hi'))
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: '2' }
  ]
  t.equal(await keyOf({ messages }, { prompt: 'Hi', responses: ['3'], id: 7 }), own)
  t.equal(await keyOf({ prompt: [{ content: 'Hi', role: 'user' }], response: '4' }), own)
  t.not(await keyOf({ prompt: 'Ho', response: '1' }), own)
  t.equal(await keyOf({ prompt: 'Hi', response: '1' }, { prompt: 'Ho', response: '1' }), null, 'two prompts')
  t.equal(await keyOf({ text: 'Hi' }), null, 'none that is known')
  t.equal(await keyOf(null as never), null, 'for the server to refuse')
  t.equal(await keyOf({ messages: 7 } as never), null)
  await client.POST('/score', { body: { inputs: [{ text: 'a' }] }, headers: { 'x-affinity-key': 'mine' } })
  t.equal(keys.pop(), 'mine')
})
