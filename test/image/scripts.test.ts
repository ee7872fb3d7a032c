/** scripts/image: what the builds of images leave out, and the lists that they make of what is in. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly author?: string
  readonly dev?: boolean
}

function script(name: string, args: readonly string[], input = '') {
  const path = join(ROOT, 'scripts', 'image', `${name}.mjs`)
  return spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', input, maxBuffer: 2 ** 26 })
}

/** A root with a lock file, its packages as they state themselves, and more files. */
function rootWith(t: Test, packages: readonly Manifest[], files: Readonly<Record<string, string>> = {}): string {
  const root = t.testdir()
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const places = new Map(packages.map((manifest) => [`node_modules/${manifest.name}`, manifest]))
  write('package-lock.json', JSON.stringify({ packages: { '': {}, ...Object.fromEntries(places) } }))
  for (const manifest of packages) write(`node_modules/${manifest.name}/package.json`, JSON.stringify(manifest))
  for (const [path, text] of Object.entries(files)) write(path, text)
  return root
}

/** Of the checkout: packages that run with the server. */
function production(): string[] {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { version: string; dev?: boolean }>
  }
  return Object.entries(packages)
    .filter(([place, { dev }]) => place !== '' && !dev)
    .map(([place, { version }]) => `${place.split('node_modules/').at(-1)} ${version}`)
}

t.test('licences: the packages of the lock file are all allowed, and listed with their texts', async (t) => {
  const output = join(t.testdir(), 'list.txt')
  const { status, stderr } = script('licences', [ROOT, output])
  t.equal(status, 0, stderr)
  const text = readFileSync(output, 'utf8')
  const names = production()
  t.ok(names.length > 50)
  for (const name of names) t.ok(text.includes(`\n${name} (`), name)
  t.ok(text.includes('Permission is hereby granted'))
  for (const name of ['Node.js', 'ONNX Runtime', 'Swagger UI', 'models/default']) t.ok(text.includes(`\n${name}`), name)
})

t.test('licences: one that nobody has looked at ends the build', async (t) => {
  const bad = [
    'GPL-3.0-only',
    'SEE LICENSE IN LICENSE',
    'MIT AND LGPL-2.1-only',
    'Apache-2.0 WITH LLVM-exception',
    'mit'
  ]
  const root = rootWith(t, [
    { name: 'fine', version: '1.0.0', license: 'MIT' },
    ...bad.map((license, i) => ({ name: `strange-${i}`, version: '2.0.0', license })),
    { name: 'silent', version: '3.0.0' }
  ])
  const { status, stderr } = script('licences', [root, join(root, 'list.txt')])
  t.equal(status, 1)
  bad.forEach((license, i) => t.match(stderr, `strange-${i} 2.0.0: licence ${license} is not on the list`))
  t.match(stderr, 'silent 3.0.0: states no licence')
  t.notMatch(stderr, 'fine')
  t.notOk(existsSync(join(root, 'list.txt')))
})

t.test('licences: choices, texts and notes', async (t) => {
  const root = rootWith(
    t,
    [
      { name: 'choice', version: '1.0.0', license: '(GPL-2.0-only OR MIT)' },
      { name: 'both', version: '1.0.0', license: 'MIT AND Apache-2.0', author: 'Ada' },
      { name: 'tool', version: '1.0.0', license: 'GPL-3.0-only', dev: true }
    ],
    { 'node_modules/choice/LICENCE.md': 'the words', 'node_modules/choice/NOTICE': 'and these' }
  )
  const { status, stderr } = script('licences', [root, join(root, 'list.txt')])
  t.equal(status, 0, stderr)
  const text = readFileSync(join(root, 'list.txt'), 'utf8')
  t.match(text, 'choice 1.0.0 ((GPL-2.0-only OR MIT))\n\nthe words\n\nand these\n')
  t.match(
    text,
    'both 1.0.0 (MIT AND Apache-2.0)\n\nThe package brings no licence text. It states: MIT AND Apache-2.0, by Ada.'
  )
  t.notMatch(text, 'tool 1.0.0', 'what is for development is not in an image')
})

t.test("sbom: npm's list gets what npm does not see, and has to be whole", async (t) => {
  const output = join(t.testdir(), 'sbom.json')
  const components = production().map((name) => {
    const [, id, version] = /^(.*) (.*)$/.exec(name) ?? []
    return { name: id, version }
  })
  const list = { specVersion: '1.5', metadata: { component: { name: 'app' } }, components }
  const whole = script('sbom', [ROOT, output], JSON.stringify(list))
  t.equal(whole.status, 0, whole.stderr)
  const made = JSON.parse(readFileSync(output, 'utf8')) as {
    metadata: { component: object }
    components: { name: string; version: string; components?: { name: string }[] }[]
  }
  t.match(made.metadata.component, { name: 'armorm-server', type: 'application' })
  const byName = new Map(made.components.map((component) => [component.name, component]))
  t.equal(byName.get('node')?.version, process.versions.node)
  t.ok(byName.get('onnxruntime')?.components?.some(({ name }) => name.endsWith('libonnxruntime.so.1')))
  t.ok(byName.get('armorm-smollm2')?.components?.some(({ name }) => name === 'models/default/backbone.onnx.data'))
  t.match(byName.get('swagger-ui-dist')?.version, /^\d+\.\d+\.\d+$/)

  const missing = list.components.filter(({ name }) => name !== 'lru-cache')
  const lacking = script('sbom', [ROOT, output], JSON.stringify({ ...list, components: missing }))
  t.equal(lacking.status, 1)
  t.match(lacking.stderr, 'lacks lru-cache')
})

t.test('trim: programs, licences and the libraries of this platform stay', async (t) => {
  const { platform, arch } = process
  const libraries = 'node_modules/onnxruntime-node/bin/napi-v6'
  const kept = [
    'node_modules/one/index.js',
    'node_modules/one/lib/test/index.js',
    'node_modules/one/LICENSE.md',
    `${libraries}/${platform}/${arch}/library`
  ]
  const dropped = [
    'node_modules/one/README.md',
    'node_modules/one/index.js.map',
    'node_modules/one/index.d.mts',
    'node_modules/one/lib/index.test.js',
    'node_modules/one/test/index.js',
    `${libraries}/${platform}/other/library`,
    `${libraries}/other/${arch}/library`
  ]
  const packages = [
    { name: 'one', version: '1.0.0' },
    { name: 'onnxruntime-node', version: '1.0.0' }
  ]
  const root = rootWith(t, packages, Object.fromEntries([...kept, ...dropped].map((path) => [path, 'text'])))
  mkdirSync(join(root, 'node_modules', '@scope'))
  const { status, stderr } = script('trim', [root])
  t.equal(status, 0, stderr)
  for (const path of kept) t.ok(existsSync(join(root, path)), path)
  for (const path of dropped) t.notOk(existsSync(join(root, path)), path)
  t.notOk(existsSync(join(root, 'node_modules', '@scope')), 'nor folders that npm left empty')
})
