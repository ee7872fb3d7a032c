/** Opening a bundle: the manifest is valid, every file is there and has its checksum. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import Schema from 'typebox/schema'
import { ArmormError } from '../errors.js'
import { BACKBONE_DATA_FILE, checksum, revisionOf, TOKENIZER_FILE } from './files.js'
import { BUNDLE_FORMAT, Manifest, MANIFEST_FILE } from './manifest.js'
import { schemaProblem } from './schema-problem.js'

export interface Bundle {
  readonly folder: string
  readonly manifest: Manifest
}

const validator = Schema.Compile(Manifest)

/** @throws ArmormError bundle_missing, bundle_invalid, bundle_checksum: each names the file */
export async function loadBundle(folder: string): Promise<Bundle> {
  const manifest = parseManifest(await readManifest(folder))
  for (const [name, expected] of Object.entries(manifest.files)) {
    const path = join(folder, name)
    const size = await sizeOf(path)
    if (size === null) throw new ArmormError('bundle_missing', `${folder} has no ${name}`, { file: name })
    if (size !== expected.bytes) {
      const message = `${name} has ${size} bytes, not the ${expected.bytes} that the manifest states`
      throw new ArmormError('bundle_checksum', message, { file: name })
    }
    if ((await checksum(path)).sha256 !== expected.sha256) {
      throw new ArmormError('bundle_checksum', `${name} has another SHA-256 than the manifest states`, { file: name })
    }
  }
  return { folder, manifest }
}

async function readManifest(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, MANIFEST_FILE), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ArmormError(
      'bundle_missing',
      `no ${MANIFEST_FILE} can be read in ${folder} (${code})`,
      { file: MANIFEST_FILE },
      error
    )
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : null
  } catch {
    return null
  }
}

function parseManifest(text: string): Manifest {
  const invalid = (message: string) => new ArmormError('bundle_invalid', `${MANIFEST_FILE}: ${message}`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalid('not JSON')
  }
  const version = (json as { format_version?: unknown } | null)?.format_version
  if (version === undefined) throw invalid('no format_version: not the manifest of a bundle')
  if (version !== BUNDLE_FORMAT) {
    throw invalid(`format version ${JSON.stringify(version)}; this server reads version ${BUNDLE_FORMAT}`)
  }
  const [ok, errors] = validator.Errors(json)
  if (!ok) throw invalid(schemaProblem(errors))
  const manifest = json as Manifest
  checkConsistency(manifest, invalid)
  return manifest
}

/** What a schema cannot say: sizes that must agree, and files that must be listed. */
function checkConsistency(manifest: Manifest, invalid: (message: string) => ArmormError): void {
  const objectives = manifest.objectives.length
  const { transform } = manifest.heads
  if (transform.length !== objectives || transform.some((row) => row.length !== objectives)) {
    throw invalid(`/heads/transform is not ${objectives} x ${objectives}, the number of objectives`)
  }
  const names = manifest.objectives.map(({ name }) => name)
  const twice = names.find((name, k) => names.indexOf(name) !== k)
  if (twice !== undefined) throw invalid(`/objectives has the name ${JSON.stringify(twice)} twice`)
  // The graph names its weights' file itself: unlisted, it would be loaded unchecked.
  const required = [manifest.backbone.file, BACKBONE_DATA_FILE, manifest.heads.file]
  if (manifest.tokenizer) required.push(TOKENIZER_FILE)
  for (const name of required) if (!manifest.files[name]) throw invalid(`/files does not list ${name}`)
  for (const name of Object.keys(manifest.files)) {
    // The names become paths: a bundle reaches nothing outside its folder.
    if (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))
      throw invalid(`/files lists ${JSON.stringify(name)}, which is not a file name`)
  }
  if (revisionOf(manifest) !== manifest.model.revision)
    throw invalid('/model/revision is not that of its contents: it was edited')
  for (const { input_ids: ids, gate_index: gate, ratings, gating } of manifest.self_test.cases) {
    if (gate >= ids.length || ratings.length !== objectives || gating.length !== objectives) {
      throw invalid('/self_test/cases has sizes that do not agree')
    }
  }
}
