/** `armorm train`: heads of a reward model from rated answers and preferences, step by step. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ArmormError } from '../errors.js'
import { outFolder } from '../export/out-folder.js'
import { partialFolder } from '../export/partial-folder.js'
import { runBaselines } from '../train/baselines/baselines.js'
import { runDebias } from '../train/debias/debias.js'
import { type EmbedOptions, runEmbed } from '../train/embed/embed.js'
import type { TrainLog } from '../train/log.js'
import { checkTrain, runTrain } from '../train/pipeline.js'
import { readSettings, type TrainSettings } from '../train/settings.js'
import { runStage1 } from '../train/stage1/stage1.js'
import { runAblations } from '../train/stage2/ablate.js'
import { runStage2 } from '../train/stage2/stage2.js'
import { withWorkLock } from '../train/work-lock.js'
import { logged } from './logged.js'
import { removeAtExit } from './remove-at-exit.js'
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
function withData(command: Command, mandatory = true): Command {
  const backbone = new Option(
    '--backbone <folder>',
    'bundle, or checkpoint (exported as fp32 into the work folder once)'
  ).makeOptionMandatory(mandatory)
  return command
    .addOption(backbone)
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
      await withWorkLock(work, false, () => logged((log) => run(work, settings, log)))
    })
}

/** All steps; the options are not marked as required, as the commands of single steps would want them too. */
async function trainAll(flags: Partial<DataFlags & WorkFlags> & { out?: string }): Promise<void> {
  const { backbone, out, config } = flags
  if (backbone === undefined || out === undefined) {
    throw new ArmormError('invalid_config', `armorm train needs --${backbone === undefined ? 'backbone' : 'out'}`)
  }
  const settings = await readSettings(config)
  const work = flags.work ?? `${resolve(out)}.work`
  const options = { ...embedOptions({ ...flags, backbone }), out }
  await checkTrain(work, options)
  removeAtExit(partialFolder(await outFolder(out)))
  await withWorkLock(work, true, () => logged((log) => runTrain(work, settings, log, options)))
  console.log(`${out}: trained; report.html in it tells how well`)
}

function embedOptions({ backbone, ratings, preferences, reference, threads, restart }: DataFlags): EmbedOptions {
  return {
    backbone,
    files: { ratings: ratings ?? [], preferences: preferences ?? [], reference: reference ?? [] },
    ...(threads !== undefined && { threads }),
    ...(restart && { restart })
  }
}

export function trainCommand(): Command {
  const embed = withWork(withData(new Command('embed')))
    .description('compute the hidden states of the data; after a stop it goes on where it was')
    .action(async ({ work, config, ...data }: DataFlags & WorkFlags) => {
      const settings = await readSettings(config)
      await withWorkLock(work, true, () => logged((log) => runEmbed(work, settings, log, embedOptions(data))))
    })
  return withData(new Command('train'), false)
    .description('train the heads of a reward model: all steps, or the one that is named')
    .option('--out <folder>', 'checkpoint folder to write')
    .option('--work <folder>', 'work folder (default: that of --out with .work behind it)')
    .option('--config <file>', 'settings, train.json (docs/training.md)')
    .enablePositionalOptions()
    .action(trainAll)
    .addCommand(embed)
    .addCommand(step('stage1', 'fit the ratings head: ridge regression of each objective', runStage1))
    .addCommand(step('debias', 'find the transform that takes verbosity out of the other objectives', runDebias))
    .addCommand(step('stage2', 'train the gate on the preferences', runStage2))
    .addCommand(
      step('baselines', 'compare the gate with what is simpler, on pairs that nothing was chosen by', runBaselines)
    )
    .addCommand(step('ablate', 'train gates with one thing changed each, and compare them', runAblations))
    .addCommand(assembleCommand())
    .addCommand(reportCommand())
}
