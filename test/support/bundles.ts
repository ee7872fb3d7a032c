/** Small bundles, sound or broken, exported from the checkpoints of test/fixtures/checkpoints. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { checksum, revisionOf } from '../../src/bundle/files.js'
import { type Manifest, MANIFEST_FILE } from '../../src/bundle/manifest.js'
import { exportBundle, type ExportOptions } from '../../src/export/export-bundle.js'
import type { Precision } from '../../src/export/graph/linear.js'
import { type CheckpointName, checkpointFolder, textCheckpoint } from './checkpoints.js'

/** Most checkpoints have no tokenizer and no pattern of their own; sequences of token ids with a gate need none. */
const GATE_PATTERN = [1, 2]

/** Exports a checkpoint into a folder that goes with the test. @returns the bundle's folder */
export async function tinyBundle(
  t: Test,
  name: CheckpointName,
  precision: Precision = 'fp32',
  options: Partial<ExportOptions> = {}
): Promise<string> {
  const out = join(t.testdir(), 'bundle')
  await exportBundle({ checkpoint: checkpointFolder(name), out, precision, gatePattern: GATE_PATTERN, ...options })
  return out
}

/** A small bundle of 64 tokens at most that reads text. @param folder - made, with the checkpoint too. @returns the bundle's */
export async function textBundle(folder: string): Promise<string> {
  const out = join(folder, 'bundle')
  const checkpoint = textCheckpoint(join(folder, 'checkpoint'))
  await exportBundle({ checkpoint, out, precision: 'fp32', maxTokens: 64 })
  return out
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, MANIFEST_FILE), 'utf8')) as Manifest
}

/** Writes the manifest with changes, whatever they are; the revision follows, unless it is what changes. */
export function editManifest(folder: string, edit: (manifest: Manifest) => unknown): void {
  const manifest = readManifest(folder)
  const { revision } = manifest.model
  edit(manifest)
  if (manifest.model?.revision === revision) manifest.model.revision = revisionOf(manifest)
  writeFileSync(join(folder, MANIFEST_FILE), JSON.stringify(manifest))
}

/** Makes checksums and revision those of the files as they are now. */
export async function redoChecksums(folder: string): Promise<void> {
  const { files } = readManifest(folder)
  for (const name of Object.keys(files)) files[name] = await checksum(join(folder, name))
  editManifest(folder, (manifest) => {
    manifest.files = files
  })
}
