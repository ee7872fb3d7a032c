/** Requests that arrive together run together: a queue in front of the engine, one batch at a time. */
import type { Engine, EngineSequence, HeadOutputs } from '../engine/contract.js'
import { ArmormError } from '../errors.js'
import type { CallerState, HeadValues, RatedSequence } from './rated-sequence.js'
import { takeBatch } from './take-batch.js'

/** A batch that ended. */
export interface BatchInfo {
  readonly sequences: number
  readonly tokens: number
  readonly runMs: number
  readonly failed: boolean
}

export interface BatchQueueOptions {
  /** Number of objectives, K. */
  readonly objectives: number
  /** Tokens of a batch, each row counted as the longest; a longer sequence runs alone. */
  readonly maxBatchTokens: number
  readonly maxBatchSequences: number
  readonly onBatch?: (info: BatchInfo) => void
}

interface Queued {
  readonly sequence: EngineSequence
  readonly tokens: number
  readonly since: number
  readonly caller: CallerState | undefined
  readonly resolve: (rated: RatedSequence) => void
  readonly reject: (error: unknown) => void
}

export class BatchQueue {
  readonly #engine: Engine
  readonly #options: BatchQueueOptions
  #queue: Queued[] = []
  #running = false
  #closed = false

  constructor(engine: Engine, options: BatchQueueOptions) {
    this.#engine = engine
    this.#options = options
  }

  /** Sequences that wait for a batch. */
  get depth(): number {
    return this.#queue.length
  }

  /** Tokens of the sequences that wait. */
  get queuedTokens(): number {
    return this.#queue.reduce((sum, { tokens }) => sum + tokens, 0)
  }

  /**
   * @param caller - once it has gone, the sequence is dropped when its turn for a batch comes.
   * @throws ArmormError engine_failed, engine_unavailable, shutting_down; the reason of `caller`
   */
  rate(sequence: EngineSequence, caller?: CallerState): Promise<RatedSequence> {
    if (this.#closed) return Promise.reject(new ArmormError('shutting_down', 'the server is shutting down'))
    return new Promise((resolve, reject) => {
      const tokens = sequence.ids.length
      this.#queue.push({ sequence, tokens, since: performance.now(), caller, resolve, reject })
      this.#wake()
    })
  }

  /** Takes no more work and refuses what waits; a running batch ends by itself. */
  close(): void {
    this.#closed = true
    const error = new ArmormError('shutting_down', 'the server is shutting down')
    for (const { reject } of this.#queue.splice(0)) reject(error)
  }

  /** The first batch waits for the end of this turn of the event loop, so that what arrives in it goes along. */
  #wake(): void {
    if (this.#running) return
    this.#running = true
    setImmediate(() => void this.#drain())
  }

  async #drain(): Promise<void> {
    for (;;) {
      this.#dropAborted()
      if (this.#queue.length === 0) break
      const { batch, rest } = takeBatch(this.#queue, this.#options.maxBatchTokens, this.#options.maxBatchSequences)
      this.#queue = rest
      await this.#run(batch)
    }
    this.#running = false
  }

  #dropAborted(): void {
    this.#queue = this.#queue.filter(({ caller, reject }) => {
      if (caller?.aborted) reject(caller.reason)
      return !caller?.aborted
    })
  }

  async #run(batch: readonly Queued[]): Promise<void> {
    const started = performance.now()
    const report = (failed: boolean): number => {
      const runMs = performance.now() - started
      const tokens = batch.reduce((sum, item) => sum + item.tokens, 0)
      this.#options.onBatch?.({ sequences: batch.length, tokens, runMs, failed })
      return runMs
    }
    try {
      const outputs = await this.#engine.run(batch.map(({ sequence }) => sequence))
      const runMs = report(false)
      batch.forEach(({ resolve, since }, row) =>
        resolve({ ...this.#row(outputs, row), origin: 'run', batchSize: batch.length, queueMs: started - since, runMs })
      )
    } catch (error) {
      report(true)
      for (const { reject } of batch) reject(error)
    }
  }

  #row(outputs: HeadOutputs, row: number): HeadValues {
    const from = row * this.#options.objectives
    const to = from + this.#options.objectives
    return {
      ratings: outputs.ratings.slice(from, to),
      gating: outputs.gating.slice(from, to),
      adjusted: outputs.adjusted.slice(from, to),
      score: outputs.score[row]!
    }
  }
}
