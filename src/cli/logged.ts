/** What a step of training says, on a terminal or in a log. */
import type { TrainLog } from '../train/log.js'
import { progressBar } from './progress.js'

/** Runs a step with a progress bar, which is gone when it returns. */
export async function logged<T>(step: (log: TrainLog) => Promise<T>): Promise<T> {
  const bar = progressBar()
  try {
    return await step({ line: (text) => console.error(text), progress: (done, text) => bar.update(done, text) })
  } finally {
    bar.stop()
  }
}
