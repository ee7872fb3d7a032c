import t from 'tap'
import { marked, read, section, tableRows } from '../support/documents.js'

type Versions = Record<string, string>

const { dependencies, devDependencies, overrides } = JSON.parse(read('package.json')) as {
  dependencies: Versions
  devDependencies: Versions
  overrides: Record<string, Versions>
}
const DOCUMENT = read('docs/dependencies.md')

function listed(heading: string): Versions {
  const rows = tableRows(section(DOCUMENT, heading))
  for (const row of rows) t.ok(row[2], `${row[0]} has a reason`)
  return Object.fromEntries(rows.map(([name = '', version = '']) => [marked(name).join(' of '), version]))
}

t.test('dependencies.md lists the packages of package.json with their versions', async (t) => {
  t.strictSame(listed('At run time'), dependencies)
  t.strictSame(listed('For development'), devDependencies)
  const flat = Object.entries(overrides).flatMap(([of, versions]) =>
    Object.entries(versions).map(([name, version]) => [`${name} of ${of}`, version])
  )
  t.strictSame(listed('Overrides'), Object.fromEntries(flat))
})

t.test("dependencies.md lists the Python packages of the benchmarks' peers with their versions", async (t) => {
  const pinned = [...read('bench/peers/requirements.txt').matchAll(/^([\w-]+)==(\S+)$/gm)]
  t.strictSame(
    listed("For the benchmarks' peers"),
    Object.fromEntries(pinned.map(([, name, version]) => [name, version]))
  )
})

t.test('only the package that dependencies.md names has an install script', async (t) => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { hasInstallScript?: boolean }>
  }
  const found = Object.keys(packages).filter((path) => packages[path]?.hasInstallScript)
  t.strictSame(found, ['node_modules/onnxruntime-node'])
  t.match(read('.npmrc'), /^ignore-scripts=true$/m)
})

t.test('the lock file names no host', async (t) => {
  t.notMatch(read('package-lock.json'), /"resolved": "(?!file:)/)
})
