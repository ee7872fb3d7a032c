/** Starts the engine on a bundle, as `armorm serve` does, and looks at what it takes. */
import { readText } from '../engine/cgroup.js'
import { EngineSupervisor } from '../engine/supervisor.js'
import { usableThreads } from '../engine/threads.js'
import { type Bundle } from '../bundle/load.js'
import { exactTokensOf } from '../bundle/manifest.js'
import { selfTest } from '../bundle/self-test.js'
import type { EngineSequence, ExecutionProvider } from '../engine/contract.js'
import type { Measured } from './checks.js'

export interface MeasureOptions {
  readonly provider: ExecutionProvider
  /** 0: chosen. */
  readonly threads: number
  readonly maxBatchTokens: number
  readonly maxBatchSequences: number
}

/** Milliseconds that go to measuring how large batches have to be. */
const WARM_UP_MS = 1500
/** Tokens of the conversation that shows the peak, unless the model takes fewer: longer ones take minutes on a CPU. */
const LONG_CONVERSATION = 2048

/**
 * Loads the bundle, warms up, runs the self-test and one long conversation.
 * @returns null where the system does not tell what a process takes
 * @throws ArmormError what keeps the bundle from being served
 */
export async function measureEngine({ folder, manifest }: Bundle, options: MeasureOptions): Promise<Measured | null> {
  const { backbone, max_tokens: maxTokens } = manifest
  const engine = new EngineSupervisor({
    folder,
    provider: options.provider,
    threads: options.threads || usableThreads(),
    exactTokens: exactTokensOf(manifest),
    objectives: manifest.objectives.length,
    warmUp: { ...options, vocabSize: backbone.vocab_size, maxTokens, budgetMs: WARM_UP_MS }
  })
  try {
    await engine.load()
    await selfTest(manifest, engine)
    const length = Math.min(LONG_CONVERSATION, maxTokens, options.maxBatchTokens)
    const ids = Int32Array.from({ length }, (_, i) => i % backbone.vocab_size)
    const batch: EngineSequence[] = [{ ids, gateIndex: length >> 1 }]
    await engine.run(batch)
    const status = readText(`/proc/${engine.pid}/status`)
    const capacity = engine.capacity()
    if (status === null || !capacity) return null
    const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? NaN)
    return { ...capacity, engineBytes: 1024 * kilobytes('VmRSS'), peakBytes: 1024 * kilobytes('VmHWM') }
  } finally {
    await engine.close()
  }
}
