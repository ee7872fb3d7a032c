import t from 'tap'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { annotateCommand } from '../../src/cli/annotate.js'
import { calibrateCommand } from '../../src/cli/calibrate.js'
import { doctorCommand } from '../../src/cli/doctor.js'
import { evaluateCommand } from '../../src/cli/evaluate.js'
import { exportCommand } from '../../src/cli/export.js'
import { planCommand } from '../../src/cli/plan.js'
import { serveCommand } from '../../src/cli/serve.js'
import { trainCommand } from '../../src/cli/train.js'
import { flagOf, OPTION_NAMES, optionSchema, variableOf } from '../../src/config/schema.js'
import { CONFIG_OPTION } from '../../src/config/resolve.js'
import { ExplainReply } from '../../src/http/schemas/explain.js'
import { ScoreReply } from '../../src/http/schemas/score.js'
import { metricsPage } from '../../scripts/metrics-page.js'
import { fakeApp } from '../http/helpers.js'
import { documents, fences, marked, read, section, tableRows } from '../support/documents.js'

/** Where requests and replies of this server's own routes are shown. */
const SHOWN = ['README.md', 'docs/api.md'].map(read).join('\n')
const API = read('docs/api.md')

const exportFlags = exportCommand().options.map(({ long }) => long ?? '')
/** Of `npm run fidelity` and the benches, as they declare them for parseArgs. */
const BENCHES = ['fidelity', 'gate', 'options', 'overload', 'soak'].map((name) => `bench/${name}.ts`)
const benchFlags = BENCHES.flatMap((file) =>
  [...read(file).matchAll(/^ +(\w+): \{ type: '(?:string|boolean)'/gm)].map(([, flag]) => `--${flag}`)
)

/** Of `npm run simulate`, likewise. */
const simulateFlags = [...read('bench/simulate.ts').matchAll(/^ +(\w+): \{ type: '(?:string|boolean)'/gm)].map(
  ([, flag]) => `--${flag}`
)

t.test('the scripts that documents name exist', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const path of documents()) {
    for (const [, run, start] of read(path).matchAll(/npm (?:run ([\w:-]+)|(start|test)\b)/g)) {
      const name = run ?? start ?? ''
      t.ok(name in scripts, `${path}: ${name}`)
    }
  }
})

t.test('the flags and variables that the documents name exist', async (t) => {
  const flags = new Set([
    ...serveCommand().options.map(({ long }) => long),
    ...exportFlags,
    ...[
      annotateCommand(),
      calibrateCommand(),
      doctorCommand(),
      evaluateCommand(),
      planCommand(),
      trainCommand(),
      ...trainCommand().commands
    ].flatMap(({ options }) => options.map(({ long }) => long)),
    ...simulateFlags,
    ...benchFlags,
    '--help',
    // Of npm run test:fuzz.
    '--long',
    // Of clients/python/examples/annotate.py.
    '--url',
    '--ratings',
    // slime's, with which users name a contract's URL.
    '--rm-type',
    '--rm-url',
    '--reward-key',
    // curl's.
    '--data-urlencode',
    // Docker Compose's.
    '--build',
    '--profile',
    // Docker's.
    '--build-arg',
    '--cap-drop',
    '--entrypoint',
    '--read-only',
    '--rm',
    // npm's own.
    '--ignore-scripts',
    '--omit',
    '--package-lock-only',
    '--omit-lockfile-registry-resolved'
  ])
  const variables = new Set([...OPTION_NAMES, CONFIG_OPTION].map(variableOf))
  for (const path of documents().filter((document) => !document.startsWith('test/'))) {
    for (const [flag] of read(path).matchAll(/(?<![\w-])--[a-z][a-z-]+/g)) t.ok(flags.has(flag), `${path}: ${flag}`)
    for (const [variable] of read(path).matchAll(/\bARMORM_\w+/g)) t.ok(variables.has(variable), `${path}: ${variable}`)
  }
})

t.test('the table of server options is that of the schema', async (t) => {
  const rows = tableRows(read('docs/options.md')).map((row) => row.slice(0, 4))
  const wanted = OPTION_NAMES.map((name) =>
    [flagOf(name), variableOf(name), name, optionSchema(name).default].map((cell) => `\`${cell}\``)
  )
  t.strictSame(rows, wanted)
})

t.test('the table of export options has every flag', async (t) => {
  const rows = tableRows(section(read('docs/export.md'), 'Options')).flatMap(([first = '']) => marked(first))
  t.strictSame(
    rows.filter((name) => name.startsWith('--')),
    exportFlags
  )
})

for (const [page, command] of [
  ['evaluating', evaluateCommand()],
  ['annotating', annotateCommand()]
] as const) {
  t.test(`the table of flags of ${command.name()} has every flag`, async (t) => {
    const rows = tableRows(read(`docs/${page}.md`)).map(([first = '']) => marked(first)[0])
    t.strictSame(
      rows.filter((name) => name?.startsWith('--')),
      command.options.map(({ long }) => long)
    )
  })
}

t.test('docs/metrics.md is what the code registers (npm run openapi writes it)', async (t) => {
  t.equal(read('docs/metrics.md'), metricsPage())
})

t.test('the pages of the API and of contracts name every route, and no other', async (t) => {
  const { paths } = JSON.parse(read('openapi/openapi.json')) as { paths: Record<string, Record<string, unknown>> }
  const declared = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`)
  )
  const pages = [API, section(read('docs/contracts.md'), "In the trainer's configuration")].join('\n')
  const named = [...pages.matchAll(/\b(GET|POST|PUT) (\/[\w/:-]*)/g)].map(([, method, path]) => `${method} ${path}`)
  t.strictSame([...new Set(named)].sort(), [...new Set(declared)].sort())
})

t.test('the forms of inputs are all read', async (t) => {
  const app = await fakeApp(t)
  const forms = tableRows(section(API, 'POST /score')).filter(([first]) => first?.startsWith('`{'))
  t.equal(forms.length, 5)
  for (const [form = ''] of forms) {
    const input = marked(form)[0]!.replace(', ...', '')
    const reply = await app.inject({
      method: 'POST',
      url: '/score',
      payload: `{"inputs": [${input}], "on_error": "item"}`
    })
    // What the forms hold is short for something: only that they are known is tested.
    const { results } = reply.json<{ results: { error?: { code: string } }[] }>()
    t.not(results[0]?.error?.code, 'invalid_request', form)
  }
})

/** Every key that the schema's objects know, so that a reply in the README cannot show another. */
function unknownKeys(value: unknown, schema: TSchema, path = ''): string[] {
  const { properties, items, anyOf } = schema as {
    properties?: Record<string, TSchema>
    items?: TSchema
    anyOf?: TSchema[]
  }
  if (anyOf) {
    const branches = anyOf.map((branch) => unknownKeys(value, branch, path))
    return branches.reduce((least, branch) => (branch.length < least.length ? branch : least))
  }
  if (Array.isArray(value)) return items ? value.flatMap((item) => unknownKeys(item, items, `${path}/-`)) : []
  if (typeof value !== 'object' || value === null || !properties) return []
  return Object.entries(value).flatMap(([key, child]) => {
    const known = properties[key]
    return known ? unknownKeys(child, known, `${path}/${key}`) : [`${path}/${key}`]
  })
}

t.test('the replies that are shown match their schemas', async (t) => {
  const replies = fences(SHOWN).filter(({ language, text }) => language === 'json' && text.includes('"model"'))
  t.equal(replies.length, 4)
  for (const { text } of replies) {
    const reply: unknown = JSON.parse(text)
    const schema = text.includes('"objectives"') ? ExplainReply : ScoreReply
    t.ok(Value.Check(schema, reply), text)
    t.strictSame(unknownKeys(reply, schema), [])
  }
})
