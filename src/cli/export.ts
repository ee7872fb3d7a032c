/** `armorm export`: from a Hugging Face checkpoint to a bundle. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { fidelityText } from '../evaluate/measure-fidelity.js'
import { ArmormError } from '../errors.js'
import { exportBundle } from '../export/export-bundle.js'
import { exportHeads, type HeadsExportOptions } from '../export/export-heads.js'
import type { Precision } from '../export/graph/linear.js'
import { outFolder } from '../export/out-folder.js'
import { partialFolder } from '../export/partial-folder.js'
import { checkMeasure, measureExport } from './measure.js'
import { progressBar } from './progress.js'
import { removeAtExit } from './remove-at-exit.js'

interface Flags {
  out?: string
  headsOnly?: string
  precision: Precision
  name?: string
  objectives?: string[]
  sourceSets?: Map<string, string>
  gatePattern?: number[]
  maxTokens?: number
  calibration?: string
  exactTokens?: number[]
  licence?: string
  replace?: boolean
  measure?: string
}

/** Part of the work that the export is when it is measured. */
const EXPORTING = 0.3

function names(value: string): string[] {
  return value.split(',').map((name) => name.trim())
}

function sourceSets(value: string): Map<string, string> {
  const sets = new Map<string, string>()
  for (const pair of names(value)) {
    const [objective, set, ...more] = pair.split('=')
    if (!objective || !set || more.length > 0) throw new InvalidArgumentError(`"${pair}" is not objective=set`)
    if (sets.has(objective)) throw new InvalidArgumentError(`"${objective}" has two sets`)
    sets.set(objective, set)
  }
  return sets
}

function nonEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('it is empty')
  return value
}

function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value.trim())) throw new InvalidArgumentError(`"${value}" is not a whole number`)
  return Number(value)
}

function tokenIds(value: string): number[] {
  return value.split(',').map(wholeNumber)
}

export function exportCommand(): Command {
  return new Command('export')
    .description('Export a Hugging Face checkpoint (LlamaForRewardModelWithGating) to a bundle')
    .argument('<checkpoint>', 'folder with config.json and safetensors')
    .option('--out <folder>', 'bundle folder to write')
    .option(
      '--heads-only <bundle>',
      'replace only the heads of this bundle, in place, or in a copy under --out; the checkpoint may hold nothing else'
    )
    .addOption(
      new Option(
        '--precision <precision>',
        'fp32: exact; int8: 8-bit integers, the fastest on a CPU; compact: small file, float32 in memory; fp16: for CUDA'
      )
        .choices(['fp32', 'int8', 'compact', 'fp16'])
        .default('fp32')
    )
    .option('--name <name>', "name of the model (default: the checkpoint's)", nonEmpty)
    .option('--objectives <names>', 'objective names, comma-separated, where the checkpoint has none', names)
    .option('--source-sets <pairs>', 'data set of each objective, as objective=set, comma-separated', sourceSets)
    .option('--gate-pattern <ids>', 'token ids between prompt and answer, comma-separated', tokenIds)
    .option('--max-tokens <n>', 'longest sequence (default: max_position_embeddings)', wholeNumber)
    .option('--calibration <file>', 'conversations for int8, JSON lines (default: packaged ones)', nonEmpty)
    .option(
      '--exact-tokens <ids>',
      "for int8: tokens with massive activations (default: the chat template's)",
      tokenIds
    )
    .option('--licence <id>', 'licence of the weights, for the manifest', nonEmpty)
    .option('--replace', 'replace a bundle that is already there')
    .option('--measure <jsonl>', 'groups of answers on which to compare with fp32; the figures go into bundle.json')
    .action(async (checkpoint: string, { out, headsOnly, precision, measure, ...rest }: Flags, command: Command) => {
      if (headsOnly !== undefined) {
        for (const name of ['precision', 'maxTokens', 'calibration', 'exactTokens', 'measure'] as const) {
          if (command.getOptionValueSource(name) !== 'cli') continue
          const flag = command.options.find((option) => option.attributeName() === name)?.long
          throw new ArmormError('invalid_config', `${flag} is about the backbone, which --heads-only leaves as it is`)
        }
        return exportHeadsOnly({ checkpoint, bundle: headsOnly, ...(out !== undefined && { out }), ...rest })
      }
      if (out === undefined) throw new ArmormError('invalid_config', '--out is missing')
      const measured = measure === undefined ? null : { checkpoint, out, precision, data: measure, ...rest }
      const counts = measured && (await checkMeasure(measured))
      removeAtExit(partialFolder(await outFolder(out)))
      const bar = progressBar()
      const exporting = measured ? EXPORTING : 1
      const measuring = (done: number, step: string) => bar.update(exporting + (1 - exporting) * done, step)
      try {
        const manifest = await exportBundle({
          checkpoint,
          out,
          precision,
          ...rest,
          onProgress: (done, step) => bar.update(exporting * done, step),
          ...(measured && counts && { measure: (folder) => measureExport(folder, measured, counts, measuring) })
        })
        bar.stop()
        const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0)
        if (rest.objectives && manifest.objectives.some(({ name }, i) => name !== rest.objectives?.[i])) {
          console.error('armorm: --objectives is not used: config.json names the objectives (objective_names)')
        }
        console.log(
          `${out}: ${manifest.model.name} (revision ${manifest.model.revision}), ${manifest.objectives.length} objectives, ` +
            `${precision}, ${(bytes / 1e6).toFixed(1)} MB, gate pattern ${manifest.gate.pattern?.join(',')} (from ${manifest.gate.source})` +
            (manifest.tokenizer ? '' : '; no tokenizer: scores input_ids only')
        )
        if (manifest.fidelity && counts) console.log(`held against fp32: ${fidelityText(manifest.fidelity, counts)}`)
      } finally {
        bar.stop()
      }
    })
}

async function exportHeadsOnly(options: HeadsExportOptions): Promise<void> {
  const out = options.out ?? options.bundle
  removeAtExit(partialFolder(await outFolder(out)))
  const bar = progressBar()
  try {
    const { manifest, backboneChecked, dropped } = await exportHeads({
      ...options,
      onProgress: (done, step) => bar.update(done, step)
    })
    bar.stop()
    const { name, revision } = manifest.model
    console.log(
      `${out}: ${name} (revision ${revision}), ${manifest.objectives.length} objectives, new heads on the backbone of ${options.bundle}`
    )
    console.log(
      backboneChecked
        ? "its states are those of the checkpoint's backbone"
        : 'the checkpoint has no backbone: nothing shows that its heads were trained on the states of this one'
    )
    if (dropped.length > 0) {
      console.error(
        `armorm: left out, as measured with the old heads: ${dropped.join(', ')} (armorm calibrate makes a reference)`
      )
    }
  } finally {
    bar.stop()
  }
}
