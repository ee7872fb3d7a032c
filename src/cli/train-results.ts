/** `armorm train assemble` and `armorm train report`: what comes of a work folder. */
import { join } from 'node:path'
import { Command } from 'commander'
import { outFolder } from '../export/out-folder.js'
import { partialFolder } from '../export/partial-folder.js'
import { runAssemble } from '../train/assemble/assemble.js'
import { REPORT_FILE, runReport } from '../train/report/report.js'
import { readSettings } from '../train/settings.js'
import { withWorkLock } from '../train/work-lock.js'
import { logged } from './logged.js'
import { removeAtExit } from './remove-at-exit.js'

interface AssembleFlags {
  backbone: string
  work: string
  out: string
  config?: string
}

export function assembleCommand(): Command {
  return new Command('assemble')
    .description('write backbone and trained heads as a checkpoint in Hugging Face layout')
    .requiredOption(
      '--backbone <folder>',
      'checkpoint, or bundle with weights stored without loss, that was embedded with'
    )
    .requiredOption('--work <folder>', 'work folder')
    .requiredOption('--out <folder>', 'checkpoint folder to write; must not exist')
    .option('--config <file>', 'settings, train.json (docs/training.md)')
    .action(async ({ backbone, work, out, config }: AssembleFlags) => {
      const settings = await readSettings(config)
      removeAtExit(partialFolder(await outFolder(out)))
      const { objectives, bytes } = await withWorkLock(work, false, () =>
        logged((log) => runAssemble(work, settings, log, { backbone, out }))
      )
      console.log(`${out}: ${objectives} objectives, ${(bytes / 1e6).toFixed(1)} MB of weights`)
    })
}

export function reportCommand(): Command {
  return new Command('report')
    .description('write what training found as one HTML file; steps that have not run are named in it')
    .requiredOption('--work <folder>', 'work folder')
    .option('--out <file>', 'file to write (default: report.html in the work folder)')
    .action(async ({ work, out = join(work, REPORT_FILE) }: { work: string; out?: string }) => {
      await runReport(work, { line: (text) => console.error(text), progress: () => undefined }, out)
      console.log(out)
    })
}
