/** Entry of the process that runs the engine alone: batches in, scores and times out. */
import { RewardSession, type SessionOptions } from '../../src/engine/session.js'
import type { EngineSequence } from '../../src/engine/contract.js'

export type ToEngineChild =
  | { readonly type: 'open'; readonly options: SessionOptions }
  | { readonly type: 'run'; readonly batches: readonly (readonly EngineSequence[])[] }

export interface FromEngineChild {
  readonly error?: string
  /** Seconds of each batch. */
  readonly seconds?: readonly number[]
  readonly cpuSeconds?: number
  /** `[batches][sequences]` */
  readonly scores?: readonly (readonly number[])[]
}

let session: RewardSession | undefined

async function handle(message: ToEngineChild): Promise<FromEngineChild> {
  if (message.type === 'open') {
    session = await RewardSession.open(message.options)
    return {}
  }
  const seconds: number[] = []
  const scores: number[][] = []
  const cpu = process.cpuUsage()
  for (const batch of message.batches) {
    const started = performance.now()
    const { score } = await session!.run(batch)
    seconds.push((performance.now() - started) / 1000)
    scores.push([...score])
  }
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, scores, cpuSeconds: (user + system) / 1e6 }
}

process.on('message', (message: ToEngineChild) => {
  handle(message).then(
    (reply) => process.send!(reply),
    (error: unknown) => process.send!({ error: error instanceof Error ? error.message : String(error) })
  )
})
process.on('disconnect', () => process.exit(0))
