// Takes out of node_modules what a server in an image never reads: ONNX Runtime's libraries of other platforms, source
// maps, TypeScript, documents, packages' own tests and examples, and folders that npm left empty. Licence texts stay.
//   node scripts/image/trim.mjs <root>
import { readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LEGAL, productionPackages } from './packages.mjs'

const FILES = /\.(map|md|markdown|[cm]?tsx?|test\.[cm]?js)$/i
/** At the top of a package; deeper ones may be parts of the program. */
const FOLDERS = new Set(['.github', 'benchmark', 'benchmarks', 'docs', 'example', 'examples', 'test', 'tests'])

const [root] = process.argv.slice(2)
for (const { folder } of productionPackages(root)) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && FOLDERS.has(entry.name)) rmSync(join(folder, entry.name), { recursive: true })
  }
}

const modules = join(root, 'node_modules')
for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true })) {
  if (entry.isFile() && FILES.test(entry.name) && !LEGAL.test(entry.name)) rmSync(join(entry.parentPath, entry.name))
}

const binaries = join(modules, 'onnxruntime-node', 'bin')
for (const abi of readdirSync(binaries)) {
  for (const platform of readdirSync(join(binaries, abi))) {
    const folder = join(binaries, abi, platform)
    const others = readdirSync(folder).filter((arch) => platform !== process.platform || arch !== process.arch)
    for (const arch of others) rmSync(join(folder, arch), { recursive: true })
    if (readdirSync(folder).length === 0) rmdirSync(folder)
  }
}

for (const entry of readdirSync(modules, { withFileTypes: true })) {
  const folder = join(modules, entry.name)
  if (entry.isDirectory() && readdirSync(folder).length === 0) rmdirSync(folder)
}
