/** `armorm export`: from a Hugging Face checkpoint to a bundle. */
import { rmSync } from 'node:fs'
import { constants } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { exportBundle } from '../export/export-bundle.js'
import type { Precision } from '../export/graph/linear.js'
import { outFolder, partialFolder } from '../export/out-folder.js'
import { progressBar } from './progress.js'

interface Flags {
  out: string
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
}

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

/** However the process ends, what an unfinished export had written, as large as the model, goes with it. */
function removeAtExit(folder: string): void {
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}

export function exportCommand(): Command {
  return new Command('export')
    .description('Export a Hugging Face checkpoint (LlamaForRewardModelWithGating) to a bundle')
    .argument('<checkpoint>', 'folder with config.json and safetensors')
    .requiredOption('--out <folder>', 'bundle folder to write')
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
    .action(async (checkpoint: string, { out, precision, ...rest }: Flags) => {
      removeAtExit(partialFolder(await outFolder(out)))
      const bar = progressBar()
      try {
        const manifest = await exportBundle({ checkpoint, out, precision, ...rest, onProgress: bar.update })
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
      } finally {
        bar.stop()
      }
    })
}
