/** A progress bar on a terminal; a line every tenth, and every few minutes, in a log. */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** @param done 0..1 */
  update: (done: number, step: string) => void
  /** Leaves the terminal clean; safe to call twice. */
  stop: () => void
}

/** Longest time without a line in a log while something is done. */
const SILENCE_MS = 5 * 60_000

export function progressBar(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) {
    let tenths = 0
    let last = performance.now()
    return {
      update: (done, step) => {
        // Another step begins.
        if (done * 10 < tenths) tenths = 0
        if (Math.floor(done * 10) <= tenths && performance.now() - last < SILENCE_MS) return
        tenths = Math.floor(done * 10)
        last = performance.now()
        stream.write(`${Math.floor(done * 100)} % (${step})\n`)
      },
      stop: () => undefined
    }
  }
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {step} | {eta_formatted} left',
    stream,
    hideCursor: true
  })
  bar.start(1, 0, { step: '' })
  return { update: (done, step) => bar.update(done, { step }), stop: () => bar.stop() }
}
