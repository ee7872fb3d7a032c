/** clients/typescript: its types are those of the server, and the example of its README runs. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
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
