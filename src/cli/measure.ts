/** `armorm export --measure`: how faithful the exported bundle's scores are to those of fp32. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TOKENIZER_FILE } from '../bundle/files.js'
import type { ManifestFidelity } from '../bundle/manifest.js'
import { ArmormError } from '../errors.js'
import { countGroups, type GroupCounts } from '../evaluate/groups.js'
import { measureFidelity } from '../evaluate/measure-fidelity.js'
import { exportBundle, type ExportOptions } from '../export/export-bundle.js'
import { outFolder } from '../export/out-folder.js'
import { partialFolder } from '../export/partial-folder.js'

export type MeasureOptions = Pick<ExportOptions, 'checkpoint' | 'out' | 'precision' | 'gatePattern' | 'maxTokens'> & {
  /** File of groups of answers to one prompt. */
  readonly data: string
}

/** Part of the work that the fp32 export is; the rest is scoring. */
const REFERENCE = 0.3

/**
 * Finds what would keep the bundle from being measured before anything is written.
 * @throws ArmormError invalid_config, invalid_data naming file and line
 */
export async function checkMeasure({ checkpoint, precision, data }: MeasureOptions): Promise<GroupCounts> {
  if (precision === 'fp32') {
    throw new ArmormError('invalid_config', '--measure compares with fp32: it needs another --precision')
  }
  // A checkpoint that is not there at all is the exporter's to name.
  if (existsSync(checkpoint) && !existsSync(join(checkpoint, TOKENIZER_FILE))) {
    throw new ArmormError('invalid_config', `--measure needs a tokenizer, and ${checkpoint} has no ${TOKENIZER_FILE}`)
  }
  return countGroups(data)
}

/**
 * Exports the checkpoint once more as fp32, into the partial folder of `out`, which goes however the process ends, and
 * scores the file with both.
 * @param folder of the bundle to measure
 * @param counts what `checkMeasure` found
 * @throws ArmormError as `exportBundle` and `measureFidelity` do
 */
export async function measureExport(
  folder: string,
  { checkpoint, out, gatePattern, maxTokens, data }: MeasureOptions,
  counts: GroupCounts,
  onProgress: (done: number, step: string) => void
): Promise<ManifestFidelity> {
  const reference = join(partialFolder(await outFolder(out)), 'fp32')
  try {
    await exportBundle({
      checkpoint,
      out: reference,
      precision: 'fp32',
      ...(gatePattern && { gatePattern }),
      ...(maxTokens !== undefined && { maxTokens }),
      onProgress: (done, step) => onProgress(REFERENCE * done, `fp32 ${step}`)
    })
    return await measureFidelity({
      reference,
      other: folder,
      data,
      counts,
      onProgress: (done, step) => onProgress(REFERENCE + (1 - REFERENCE) * done, step)
    })
  } finally {
    await rm(reference, { recursive: true, force: true })
  }
}
