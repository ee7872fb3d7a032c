/** A progress bar on a terminal; a line every tenth in a log. */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** @param done 0..1 */
  update: (done: number, step: string) => void
  /** Leaves the terminal clean; safe to call twice. */
  stop: () => void
}

export function progressBar(stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) {
    let tenths = 0
    return {
      update: (done, step) => {
        if (Math.floor(done * 10) <= tenths) return
        tenths = Math.floor(done * 10)
        stream.write(`${tenths * 10} % (${step})\n`)
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
