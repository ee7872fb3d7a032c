/** `armorm train assemble` and `armorm train report`: what comes of a work folder. */
import { Command } from 'commander'
import { outFolder, partialFolder } from '../export/out-folder.js'
import { runAssemble } from '../train/assemble/assemble.js'
import { readSettings } from '../train/settings.js'
import { progressBar } from './progress.js'
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
      const bar = progressBar()
      const log = {
        line: (text: string) => console.error(text),
        progress: (done: number, text: string) => bar.update(done, text)
      }
      try {
        const { objectives, bytes } = await runAssemble(work, settings, log, { backbone, out })
        bar.stop()
        console.log(`${out}: ${objectives} objectives, ${(bytes / 1e6).toFixed(1)} MB of weights`)
      } finally {
        bar.stop()
      }
    })
}
