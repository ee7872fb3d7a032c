// Writes the licence list of an image: what each part is licensed under, and the texts. Ends with code 1 where a package
// states no licence, or one that is not on the list below; somebody has to look at that one.
//   node scripts/image/licences.mjs <root> <output> [--system <folder>]
// root: folder of package.json and node_modules. system: root file system of the image (scripts/image/root-fs.mjs).
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { LEGAL, productionPackages } from './packages.mjs'
import { COPYRIGHT, debianPackages } from './system.mjs'

/** Licences that let the packages go with an Apache-2.0 program, without a duty beyond their notices. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0'
])

/** @param licence - an SPDX expression; one with exceptions, or of more than one level, is not understood and refused */
function allowed(licence) {
  const choices = licence.replace(/^\((.*)\)$/, '$1').split(' OR ')
  return choices.some((choice) => choice.split(' AND ').every((id) => ALLOWED.has(id)))
}

/** The texts that a package brings: its licence, and what else it asks to be passed on. */
function textsOf(folder) {
  const names = readdirSync(folder).filter((name) => LEGAL.test(name))
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8').trim())
}

const RULE = '='.repeat(100)
const part = (title, ...texts) => [RULE, title, '', ...texts.flatMap((text) => [text, ''])].join('\n')

function npmPart({ folder, name, version, licence, author }) {
  const texts = textsOf(folder)
  const note = `The package brings no licence text. It states: ${licence}${author ? `, by ${author}` : ''}.`
  return part(`${name} ${version} (${licence})`, ...(texts.length > 0 ? texts : [note]))
}

/** Node's own licence lies beside its folder bin, in its archives and in its image. */
function nodePart() {
  const file = join(dirname(dirname(process.execPath)), 'LICENSE')
  const note = `The text is Node.js' file LICENSE, at its tag ${process.version}; it was not beside this program.`
  return part(
    `Node.js ${process.version} (MIT, and those of what it holds)`,
    existsSync(file) ? readFileSync(file, 'utf8').trim() : note
  )
}

const ONNX_RUNTIME = `The native library of ONNX Runtime lies in the package onnxruntime-node, under MIT, by Microsoft Corporation. What it
holds of others is listed in the file ThirdPartyNotices.txt of ONNX Runtime's sources; the package does not bring it.`

const SWAGGER_UI =
  'A copy of it lies in the package @fastify/swagger-ui. Its text is that of LICENSE, by SmartBear Software Inc.'

function debianPart({ name, version }, system) {
  return part(`${name} ${version} (Debian)`, readFileSync(join(system, COPYRIGHT(name)), 'utf8').trim())
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { system: { type: 'string' } } })
const [root, output] = positionals
const packages = productionPackages(root)
const refused = packages.filter(({ licence }) => !allowed(licence))
for (const { name, version, licence } of refused) {
  console.error(`${name} ${version}: ${licence ? `licence ${licence} is not on the list` : 'states no licence'}`)
}
if (refused.length > 0) process.exit(1)

const models = join(root, 'models', 'default')
const text = [
  'Licences of what this image holds beside armorm-server itself, whose own are in LICENSE and NOTICE.',
  '',
  nodePart(),
  part('ONNX Runtime (MIT)', ONNX_RUNTIME),
  part('Swagger UI (Apache-2.0)', SWAGGER_UI),
  ...(existsSync(models) ? [part('models/default', ...textsOf(models))] : []),
  ...packages.map(npmPart),
  ...(values.system ? debianPackages(values.system).map((entry) => debianPart(entry, values.system)) : [])
].join('\n')
writeFileSync(output, text)
