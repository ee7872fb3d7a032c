/** `armorm evaluate`: how often bundles' models prefer the chosen response of preference pairs, by section. */
import { Command } from 'commander'
import { type DataRow, dataRows, reasonOf } from '../data/rows.js'
import { ArmormError } from '../errors.js'
import { BOOTSTRAP, pairAccuracy } from '../evaluate/accuracy.js'
import { loadWithTokenizer } from '../evaluate/measure-fidelity.js'
import { GROUPINGS, type LeftOut, type Pair, type PairRow, scorePairs } from '../evaluate/pairs.js'
import { TrainRowReader } from '../train/embed/train-row.js'
import { defaultSettings } from '../train/settings.js'
import { accuracyTable } from './evaluate-table.js'
import { progressBar } from './progress.js'

/** Rows left out that are named one by one; --json has all. */
const NAMED = 20

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('accuracy of reward models on preference pairs, by section')
    .argument('<files...>', 'rows {prompt, chosen, rejected}: .jsonl, .jsonl.gz or .parquet')
    .requiredOption(
      '--model <bundle>',
      'bundle to evaluate; given again: one to compare with the first',
      (folder: string, before: readonly string[] = []) => [...before, folder]
    )
    .option('--json', 'print all figures, and every row that was left out, as JSON')
    .action(async (files: string[], { model: folders, json }: { model: string[]; json?: boolean }) => {
      const bundles = await Promise.all(folders.map(loadWithTokenizer))
      const bar = progressBar()
      const scored = await scorePairs(bundles, () => pairRows(files), bar.update).finally(bar.stop)
      const { leftOut } = scored
      const found = pairAccuracy(scored.pairs)
      if (json) {
        const models = bundles.map(({ folder, manifest: { model, backbone } }) => {
          return { folder, name: model.name, revision: model.revision, precision: backbone.precision }
        })
        console.log(JSON.stringify({ models, files, ...BOOTSTRAP, ...found, left_out: leftOut }, null, 2))
      } else console.log(accuracyTable(found, folders).join('\n'))
      if (leftOut.length === 0) return
      console.error(`armorm: rows left out because they could not be scored: ${leftOut.length}`)
      for (const { place, reason } of leftOut.slice(0, NAMED)) console.error(`  ${place}: ${reason}`)
      if (leftOut.length > NAMED) console.error(`  and ${leftOut.length - NAMED} more, which --json names`)
    })
}

/**
 * Rows of the files, read as those of `armorm train --preferences`, by its default settings. Fields that say nothing
 * here, such as a split, are not looked at.
 * @throws ArmormError invalid_data for a file that cannot be read, or a line that is no JSON object
 */
export async function* pairRows(files: readonly string[]): AsyncGenerator<PairRow> {
  const { data } = defaultSettings()
  for (const [i, file] of files.entries()) {
    const reader = new TrainRowReader(file, 'preferences', data)
    for await (const row of dataRows(file)) yield { ...pairOf(row, reader), done: (i + row.done) / files.length }
  }
}

function pairOf({ value, ...row }: DataRow, reader: TrainRowReader): { pair: Pair } | { leftOut: LeftOut } {
  const { place } = row
  const { prompt, chosen, rejected, key, ...others } = value as Record<string, unknown>
  try {
    const read = reader.read({ ...row, value: { prompt, chosen, rejected, key } })
    const [better = '', worse = ''] = read.responses
    const groups = Object.fromEntries(GROUPINGS.flatMap((field) => named(field, others[field])))
    return { pair: { place, key: read.key, groups, prompt: read.prompt, chosen: better, rejected: worse } }
  } catch (error) {
    if (!(error instanceof ArmormError) || error.code !== 'invalid_data') throw error
    return { leftOut: { place, reason: reasonOf(error, place) } }
  }
}

/** The entry of a field that names a group; none where it is empty or no name. */
function named(field: string, found: unknown): (readonly [string, string])[] {
  const names = (typeof found === 'string' && found !== '') || typeof found === 'number' || typeof found === 'bigint'
  return names ? [[field, String(found)]] : []
}
