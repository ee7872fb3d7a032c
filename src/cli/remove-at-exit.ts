import { rmSync } from 'node:fs'
import { constants } from 'node:os'

/** However the process ends, what an unfinished export had written, as large as the model, goes with it. */
export function removeAtExit(folder: string): void {
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}
