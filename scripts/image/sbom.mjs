// Completes npm's list of packages to that of an image (CycloneDX): Node, ONNX Runtime's libraries, the built-in model,
// Swagger UI, Debian's packages. Ends with code 1 where npm's list lacks a package that is installed.
//   npm sbom --sbom-format cyclonedx | node scripts/image/sbom.mjs <root> <output> [--system <folder>]
// root: folder of package.json and node_modules. system: root file system of the image (scripts/image/root-fs.mjs).
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { productionPackages } from './packages.mjs'
import { debianPackages } from './system.mjs'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { system: { type: 'string' } } })
const [root, output] = positionals
const json = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'))

const hashes = (file) => [{ alg: 'SHA-256', content: createHash('sha256').update(readFileSync(file)).digest('hex') }]
const under = (id) => [{ license: { id } }]
const fileComponent = (file) => ({
  'bom-ref': `file:${relative(root, file)}`,
  type: 'file',
  name: relative(root, file),
  hashes: hashes(file)
})

function node() {
  const version = process.versions.node
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/node@${version}`,
    licenses: under('MIT'),
    hashes: hashes(process.execPath)
  }
}

/** The native library, and the files it consists of. */
function onnxRuntime() {
  const { version } = json('node_modules', 'onnxruntime-node', 'package.json')
  const folder = join(root, 'node_modules', 'onnxruntime-node', 'bin')
  const files = readdirSync(folder, { recursive: true }).filter((name) => /\.(node|so(\.\d+)*)$/.test(name))
  return {
    'bom-ref': `onnxruntime@${version}`,
    type: 'library',
    name: 'onnxruntime',
    version,
    cpe: `cpe:2.3:a:microsoft:onnx_runtime:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/onnxruntime@${version}`,
    licenses: under('MIT'),
    components: files.sort().map((name) => fileComponent(join(folder, name)))
  }
}

/** @fastify/swagger-ui holds a copy of Swagger UI; the version is the one that it was made with. */
function swaggerUi() {
  const version = json('node_modules', '@fastify', 'swagger-ui', 'package.json').devDependencies['swagger-ui-dist']
  return {
    'bom-ref': `swagger-ui-dist@${version}`,
    type: 'library',
    name: 'swagger-ui-dist',
    version,
    purl: `pkg:npm/swagger-ui-dist@${version}`,
    licenses: under('Apache-2.0')
  }
}

function model() {
  const folder = join(root, 'models', 'default')
  const { name, revision } = json('models', 'default', 'bundle.json').model
  return {
    'bom-ref': `${name}@${revision}`,
    type: 'machine-learning-model',
    name,
    version: revision,
    licenses: under('Apache-2.0'),
    components: readdirSync(folder).map((file) => fileComponent(join(folder, file)))
  }
}

function debian({ name, version, architecture }) {
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`
  return { 'bom-ref': purl, type: 'library', name, version, purl }
}

const bom = JSON.parse(await text(process.stdin))
const listed = new Set(bom.components.map(({ name, version }) => `${name}@${version}`))
const missing = productionPackages(root).filter(({ name, version }) => !listed.has(`${name}@${version}`))
if (missing.length > 0) {
  console.error(`npm's list lacks ${missing.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}
// npm calls it by the folder, and a library.
Object.assign(bom.metadata.component, { type: 'application', name: json('package.json').name })
bom.metadata.lifecycles = [{ phase: 'build' }]
const system = values.system ? debianPackages(values.system).map(debian) : []
bom.components.push(node(), onnxRuntime(), swaggerUi(), model(), ...system)
writeFileSync(output, JSON.stringify(bom, null, 1))
