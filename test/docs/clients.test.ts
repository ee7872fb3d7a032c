import { readdirSync } from 'node:fs'
import t from 'tap'
import { marked, read, section, tableRows } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

const FOLDER = 'test/clients'

/** Version of each package that the clients' tests pin. */
const pinned = new Map(
  ['requirements.txt', 'trainers.txt'].flatMap((file) =>
    [...read(`${FOLDER}/${file}`).matchAll(/^([\w.-]+)(?:\[\w+\])?==(\S+)$/gm)].map(
      ([, name = '', version = '']) => [name, version] as const
    )
  )
)

t.test('contracts.md lists the clients whose code is run, with its version', async (t) => {
  const tests = readdirSync(ROOT + FOLDER).filter((name) => /^test_\w+\.py$/.test(name))
  const constant = (file: string, name: string) =>
    new RegExp(`^${name} = "(.+)"$`, 'm').exec(read(`${FOLDER}/${file}`))?.[1]
  const wanted = tests.flatMap((file) => {
    const name = constant(file, 'PACKAGE')
    return name === undefined ? [] : [[name, pinned.get(name), constant(file, 'CODE')]]
  })
  t.ok(wanted.length > 4)
  const rows = tableRows(section(read('docs/contracts.md'), "Clients' own code"))
  const listed = rows.map(([name = '', version = '', code = '']) => [marked(name)[0], version, marked(code)[0]])
  t.strictSame(listed.sort(), wanted.sort())
})

t.test('the routes that they ask are in the OpenAPI document', async (t) => {
  const { paths } = JSON.parse(read('openapi/openapi.json')) as { paths: Record<string, Record<string, unknown>> }
  for (const [name = '', , , asked = ''] of tableRows(section(read('docs/contracts.md'), "Clients' own code"))) {
    const routes = marked(asked)
    t.ok(routes.length > 0, name)
    for (const route of routes) {
      const [method = '', url = ''] = route.split(' ')
      const path = url.replace(/:(\w+)/g, '{$1}')
      t.ok(paths[path]?.[method.toLowerCase()], `${name}: ${route}`)
    }
  }
})
