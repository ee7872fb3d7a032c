/** `armorm annotate`: a file of conversations, with a model's rewards in every row. */
import { stat } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { loadBundle } from '../bundle/load.js'
import type { Manifest } from '../bundle/manifest.js'
import { resolveConfig } from '../config/resolve.js'
import { decimal } from '../decimal.js'
import { dataRows } from '../data/rows.js'
import { ArmormError } from '../errors.js'
import { annotate, type RowOutcome } from '../evaluate/annotate.js'
import type { HeadValues } from '../scheduling/rated-sequence.js'
import { type AnnotatedForm, AnnotatedRows } from './annotate-rows.js'
import { progressBar } from './progress.js'
import { ResumableLines } from './resumable-lines.js'

/** Rows without a reward that are named one by one; all have their error in the file. */
const NAMED = 20
const PARTS = ['ratings', 'gating'] as const
type Part = (typeof PARTS)[number]

interface Options {
  readonly out: string
  readonly model?: string
  readonly field: string
  readonly with: readonly Part[]
}

export function annotateCommand(): Command {
  return new Command('annotate')
    .description('write the rows of a data set with the rewards of their conversations')
    .argument(
      '<file>',
      'rows {messages}, {prompt, response}, {prompt, responses} or {prompt, chosen, rejected}: .jsonl, .jsonl.gz or .parquet'
    )
    .requiredOption('--out <file>', 'file to write, JSON lines; a run that was ended goes on where it was')
    .option('--model <folder>', 'bundle (default: as of armorm serve)')
    .option('--field <name>', 'field of the row that the rewards go to', 'reward')
    .addOption(
      new Option('--with <parts...>', 'what to write beside scores, by objective').choices(PARTS).default([], 'nothing')
    )
    .action(run)
}

async function run(file: string, { out, model, field, with: parts }: Options): Promise<void> {
  const bundle = await loadBundle(model ?? resolveConfig({ flags: {}, env: process.env }).model)
  const { manifest } = bundle
  const input = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new ArmormError('invalid_data', `${file} cannot be read (${error.code})`, {}, error)
  })
  // What the rows before depend on: with any of it changed the file would be of two makings.
  const { size, mtimeMs } = input
  const lines = await ResumableLines.open(out, { file, size, mtimeMs, revision: manifest.model.revision, field, parts })
  const done = lines.count
  if (done > 0) console.error(`armorm: ${out} has ${done} rows from an earlier run`)
  const bar = progressBar()
  const named: string[] = []
  let refused = 0
  try {
    for await (const { row, outcome } of annotate(bundle, askedRows(file, field, done))) {
      if (outcome instanceof ArmormError && ++refused <= NAMED) {
        named.push(`${row.place}: ${outcome.code}: ${outcome.message}`)
      }
      const reward = outcome instanceof ArmormError ? { error: { code: outcome.code, message: outcome.message } } : null
      await lines.write({ ...row.value, [field]: reward ?? rewardOf(row.form, outcome, manifest, parts) })
      bar.update(row.done, `${lines.count} rows`)
    }
    await lines.finish()
  } finally {
    bar.stop()
    await lines.close()
  }
  console.log(`${out}: ${lines.count} rows`)
  if (refused === 0) return
  console.error(`armorm: rows with an error in the place of a reward: ${refused}`)
  for (const each of named) console.error(`  ${each}`)
  if (refused > NAMED) console.error(`  and ${refused - NAMED} more`)
}

/** The rows behind the first `done`. @throws ArmormError invalid_data for a row that has the field already */
async function* askedRows(file: string, field: string, done: number) {
  const rows = new AnnotatedRows(file)
  let index = 0
  for await (const row of dataRows(file)) {
    if (index++ < done) continue
    if (Object.hasOwn(row.value, field)) {
      const message = `${row.place} has a field "${field}" already; --field names another`
      throw new ArmormError('invalid_data', message)
    }
    yield { ...row, ...rows.read(row) }
  }
}

function rewardOf(form: AnnotatedForm, outcome: RowOutcome, manifest: Manifest, parts: readonly Part[]): object {
  const rewards = (outcome as readonly HeadValues[]).map((values) => ({
    score: decimal(values.score),
    ...Object.fromEntries(parts.map((part) => [part, byObjective(manifest, values[part])]))
  }))
  const [first, second] = rewards as [{ score: number }, { score: number }]
  if (form === 'one') return first
  if (form === 'pair') return { chosen: first, rejected: second, margin: decimal(first.score - second.score) }
  const best = rewards.reduce((top, { score }, i) => (score > rewards[top]!.score ? i : top), 0)
  return { best, responses: rewards }
}

function byObjective({ objectives }: Manifest, values: Float32Array): Record<string, number> {
  return Object.fromEntries(objectives.map(({ name }, k) => [name, decimal(values[k]!)]))
}
