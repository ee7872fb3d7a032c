/** `armorm train`: heads of a reward model from rated answers and preferences, step by step. */
import { Command, InvalidArgumentError } from 'commander'
import { runDebias } from '../train/debias/debias.js'
import { runEmbed } from '../train/embed/embed.js'
import type { TrainLog } from '../train/log.js'
import { readSettings, type TrainSettings } from '../train/settings.js'
import { runStage1 } from '../train/stage1/stage1.js'
import { progressBar } from './progress.js'
import { assembleCommand, reportCommand } from './train-results.js'

interface DataFlags {
  backbone: string
  ratings?: string[]
  preferences?: string[]
  reference?: string[]
  threads?: number
  restart?: boolean
}

interface WorkFlags {
  work: string
  config?: string
}

function threadCount(value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value)) throw new InvalidArgumentError(`"${value}" is not a number of threads`)
  return Number(value)
}

/** The options that embedding needs. */
function withData(command: Command): Command {
  return command
    .requiredOption('--backbone <folder>', 'bundle, or checkpoint (exported as fp32 into the work folder once)')
    .option('--ratings <files...>', 'rated responses: .jsonl, .jsonl.gz or .parquet')
    .option('--preferences <files...>', 'chosen and rejected responses, in the same formats')
    .option('--reference <files...>', 'responses whose rewards are to depend on no length, in the same formats')
    .option(
      '--threads <n>',
      'threads of the engine (default: as many as cores and the cgroup quota allow)',
      threadCount
    )
    .option('--restart', 'embed anew what was embedded with other settings, data or model')
}

function withWork(command: Command): Command {
  return command
    .requiredOption('--work <folder>', 'work folder')
    .option('--config <file>', 'settings, train.json (docs/training.md)')
}

/** A step that needs the work folder and the settings alone. */
function step(
  name: string,
  description: string,
  run: (work: string, settings: TrainSettings, log: TrainLog) => Promise<unknown>
): Command {
  return withWork(new Command(name))
    .description(description)
    .action(async ({ work, config }: WorkFlags) => {
      const settings = await readSettings(config)
      await logged((log) => run(work, settings, log))
    })
}

/** Runs a step with a progress bar. */
async function logged(step: (log: TrainLog) => Promise<unknown>): Promise<void> {
  const bar = progressBar()
  try {
    await step({ line: (text) => console.error(text), progress: (done, text) => bar.update(done, text) })
  } finally {
    bar.stop()
  }
}

export function trainCommand(): Command {
  const embed = withWork(withData(new Command('embed')))
    .description('compute the hidden states of the data; after a stop it goes on where it was')
    .action(
      async ({ backbone, ratings, preferences, reference, threads, restart, work, config }: DataFlags & WorkFlags) => {
        const settings = await readSettings(config)
        const files = { ratings: ratings ?? [], preferences: preferences ?? [], reference: reference ?? [] }
        const options = { backbone, files, ...(threads !== undefined && { threads }), ...(restart && { restart }) }
        await logged((log) => runEmbed(work, settings, log, options))
      }
    )
  return new Command('train')
    .description('train the heads of a reward model')
    .addCommand(embed)
    .addCommand(step('stage1', 'fit the ratings head: ridge regression of each objective', runStage1))
    .addCommand(step('debias', 'find the transform that takes verbosity out of the other objectives', runDebias))
    .addCommand(assembleCommand())
    .addCommand(reportCommand())
}
