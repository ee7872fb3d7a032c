// `npm run test:kubernetes`: kubernetes/ is built by kustomize as a cluster would be given it, and every resource checked
// against the schema of its kind: Kubernetes' own strictly, so that an unknown key fails, those of operators by their CRDs.
// Needs kubectl, python3, and package indexes the first time.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, check, provide, pythonEnvironment, root, skip, suite } from '../support/suite.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const venv = join(root, '.venv', 'kubernetes')
const packages = join(root, '.cache', 'kubernetes')
/** The oldest and the newest that the manifests are for. */
const VERSIONS = ['1.30', '1.37']
const OPERATORS = {
  'keda.sh/v1alpha1': '@kubernetes-models/keda/keda.sh/v1alpha1',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
}

function kustomize(folder) {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

/** Does something in a folder of its own. */
function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'armorm-kubernetes-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What the schemas have against resources of Kubernetes' own kinds. */
function problems(text, version) {
  return inFolder((folder) => {
    const file = join(folder, 'resources.yaml')
    writeFileSync(file, text)
    const args = ['-k', version, '--strict', '--quiet', '--no-warn', file]
    const { stdout, stderr } = spawnSync(join(venv, 'bin', 'kubernetes-validate'), args, { encoding: 'utf8' })
    return stdout + stderr
  })
}

/** An overlay with the components that it leaves to whoever runs the cluster. */
function whole(overlay) {
  return inFolder((folder) => {
    cpSync(join(root, 'kubernetes'), folder, { recursive: true })
    const file = join(folder, 'overlays', overlay, 'kustomization.yaml')
    const text = readFileSync(file, 'utf8')
    const all = text.replace('# - ../../components/monitoring', '- ../../components/monitoring')
    assert.notEqual(all, text)
    writeFileSync(file, all)
    return kustomize(dirname(file))
  })
}

async function main() {
  if (spawnSync('kubectl', ['version', '--client']).status !== 0) return skip('Kubernetes', 'there is no kubectl')
  const list = join(here, 'packages.json')
  const obstacle =
    pythonEnvironment(venv, join(here, 'requirements.txt')) ??
    provide(
      packages,
      [list],
      [
        ['cp', list, 'package.json'],
        ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund']
      ]
    )
  if (obstacle !== null) return skip('Kubernetes', obstacle)
  build()
  // The tests' own packages are there now.
  const { parseAllDocuments } = await import('yaml')
  const resources = (text) => parseAllDocuments(text).map((document) => document.toJS())
  const overlays = ['cpu', 'gpu']
  for (const overlay of overlays) {
    await check(`overlay ${overlay} builds as it stands`, () => {
      assert.ok(resources(kustomize(join(root, 'kubernetes', 'overlays', overlay))).length > 4)
    })
  }
  const texts = overlays.map(whole)
  for (const version of VERSIONS) {
    await check(`every key is one of Kubernetes ${version}`, () => {
      for (const text of texts) assert.equal(problems(text, version), '')
      assert.match(problems(texts[0].replace('readOnlyRootFilesystem', 'readOnly'), version), /unexpected/)
    })
  }
  for (const [version, folder] of Object.entries(OPERATORS)) {
    const mine = texts.flatMap(resources).filter(({ apiVersion }) => apiVersion === version)
    await check(`resources of ${version}`, async () => {
      assert.ok(mine.length > 0)
      const models = await import(join(packages, 'node_modules', folder, 'index.js'))
      for (const resource of mine) {
        const Model = models[resource.kind]
        new Model(resource).validate()
        assert.throws(() => new Model({ ...resource, spec: 'none' }).validate(), 'and the schema does refuse')
      }
    })
  }
}

await suite('test:kubernetes', main)
