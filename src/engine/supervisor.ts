/** The engine as a supervised child process: faults end in a restart or a second try, never in a lost answer. */
import { fileURLToPath } from 'node:url'
import { ArmormError } from '../errors.js'
import {
  type Engine,
  ENGINE_DEPTH,
  type EngineCapacity,
  type EngineFault,
  type EngineHealth,
  type EngineSequence,
  type EngineState,
  type HeadOutputs,
  type OnRunFailure,
  type Outputs,
  type RunOutputs,
  type StateOutputs
} from './contract.js'
import type { EngineChild } from './engine-child.js'
import { EngineProcess, type EngineProof, type Fault, StartFailure } from './engine-process.js'
import { type OutputForm, resultDefect, rewardForm, type RunMessage, stateForm } from './protocol.js'
import type { SessionOptions } from './session.js'
import { loadLimit, runLimit } from './time-limit.js'
import type { WarmUpOptions } from './warm-up.js'
import { type Part, Work } from './work.js'

export interface SupervisorOptions<O extends Outputs = HeadOutputs> extends SessionOptions {
  /** How to measure what batches pay, at the first load; left out: nothing is measured. */
  readonly warmUp?: WarmUpOptions
  /** What an engine that was started again has to answer before it gets work; left out: it is trusted. */
  readonly proof?: EngineProof<O>
  /** Milliseconds after which a run counts as hung; 0: never; left out: many times what the measured rate promises. */
  readonly runTimeoutMs?: number
  /** Milliseconds after which loading again counts as hung; left out: many times what the first load took. */
  readonly reloadTimeoutMs?: number
  /** Restarts in a row, without progress between, after which the engine counts as failed. */
  readonly maxRestarts?: number
  /** First pause before a restart; doubles with each restart in a row. */
  readonly backoffMs?: number
  /** Told of every fault and restart, and of the final failure. */
  readonly onEvent?: (event: EngineEvent) => void
  /** Program of the child process; another one stands in for it in tests. */
  readonly program?: string
  /** Starts the program; tests have processes of their own making. */
  readonly start?: (program: string) => EngineChild
}

export type EngineEvent =
  | { readonly type: 'fault'; readonly reason: EngineFault; readonly message: string }
  /** A batch failed twice and is divided. */
  | { readonly type: 'bisection'; readonly sequences: number }
  | { readonly type: 'restarting'; readonly pauseMs: number }
  | { readonly type: 'restarted'; readonly restarts: number }
  | { readonly type: 'failed'; readonly message: string }

const MAX_RESTARTS = 5
const BACKOFF_MS = 250

/** A part that the process has. */
interface Handed<O extends Outputs> {
  readonly id: number
  readonly part: Part<O>
}

class Supervisor<O extends Outputs> implements Engine<O> {
  readonly #form: OutputForm<O>
  readonly #options: SupervisorOptions<O>
  #state: EngineState = 'stopped'
  #restarts = 0
  #restartsInARow = 0
  #process: EngineProcess<O> | undefined
  #capacity: EngineCapacity | null = null
  #firstLoadMs = 0
  /** What the latest start took that succeeded, from the process to its first answer. */
  #startMs = 0
  /** When the restart that is under way should have succeeded. */
  #returnsAt = 0
  /** The process has answered something: if it ends, that is due to what it ran. */
  #proven = false
  /** Not settled yet, in the order of their answers. */
  #works: Work<O>[] = []
  readonly #waiting: Part<O>[] = []
  /** In the order in which the process runs them: it runs the first. */
  #handed: Handed<O>[] = []
  #watched: { readonly id: number; readonly timer: NodeJS.Timeout | undefined } | undefined
  #idle: (() => void) | undefined
  #closing: Promise<void> | undefined
  #restartTimer: NodeJS.Timeout | undefined

  constructor(form: OutputForm<O>, options: SupervisorOptions<O>) {
    this.#form = form
    this.#options = options
  }

  health(): EngineHealth {
    const health = { state: this.#state, restarts: this.#restarts }
    if (this.#state !== 'restarting') return health
    return { ...health, returnsInMs: Math.max(0, this.#returnsAt - performance.now()) }
  }

  capacity(): EngineCapacity | null {
    return this.#capacity
  }

  /** Process id of the engine, for operators and tests; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  async load(): Promise<void> {
    if (this.#closing) throw new ArmormError('engine_unavailable', 'the engine is stopped')
    this.#state = 'starting'
    const began = performance.now()
    try {
      await this.#start(undefined, Infinity)
    } catch (error) {
      if (!this.#stopped()) {
        this.#state = 'failed'
        throw error instanceof StartFailure ? error.error : error
      }
    }
    if (this.#stopped()) throw new ArmormError('engine_unavailable', 'the engine was stopped while it loaded')
    this.#firstLoadMs = performance.now() - began
    // It may have ended since, and be about to start again.
    if (this.#state === 'starting') this.#state = 'ready'
  }

  run(
    batch: readonly EngineSequence[],
    wanted: (row: number) => boolean = () => true,
    onFailure?: OnRunFailure
  ): Promise<RunOutputs<O>> {
    if (batch.length === 0) return Promise.reject(new RangeError('a batch needs at least one sequence'))
    if (this.#state !== 'ready' && this.#state !== 'restarting') {
      return Promise.reject(new ArmormError('engine_unavailable', `the engine is ${this.#state}`))
    }
    const work = new Work(batch, this.#form.widths, wanted, onFailure)
    work.interrupted = this.#state === 'restarting'
    this.#works.push(work)
    this.#waiting.push(work.whole())
    this.#next()
    return work.outputs
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const loaded = this.#state === 'ready'
    this.#state = 'stopped'
    clearTimeout(this.#restartTimer)
    // What is behind the run in progress has not begun, and would hold up the end.
    const behind = this.#handed.splice(1)
    this.#waiting.unshift(...behind.map(({ part }) => part))
    this.#refuseWaiting('the engine is stopping')
    if (this.#handed.length > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    const engine = this.#process
    this.#process = undefined
    // A process that is still loading, or at work that nobody waits for, would not hear of it before it is done.
    await engine?.close(loaded && behind.length === 0)
  }

  /**
   * Starts a process and loads the bundle in it.
   * @param limitMs - how long that may take
   * @throws StartFailure
   */
  async #start(proof: EngineProof<O> | undefined, limitMs: number): Promise<void> {
    const { folder, provider, threads, exactTokens, program, start } = this.#options
    const engine = new EngineProcess(
      program ?? fileURLToPath(new URL('./child.js', import.meta.url)),
      this.#form,
      {
        answered: (message) => this.#finish(message),
        babbled: (fault) => this.#tell(fault),
        ended: (fault) => this.#crashed(fault)
      },
      start
    )
    this.#process = engine
    this.#proven = false
    const began = performance.now()
    try {
      const warmUp = this.#capacity ? null : (this.#options.warmUp ?? null)
      const load = { type: 'load', options: { folder, provider, threads, exactTokens }, warmUp } as const
      const capacity = await engine.start(load, proof, limitMs)
      this.#capacity ??= capacity
      this.#proven = proof !== undefined
      this.#startMs = performance.now() - began
    } catch (error) {
      if (this.#process === engine) this.#process = undefined
      throw error
    }
  }

  #next(): void {
    while (this.#state === 'ready' && this.#handed.length < ENGINE_DEPTH) {
      const waiting = this.#waiting.shift()
      if (!waiting) break
      const part = waiting.work.stillWanted(waiting)
      if (part) this.#handed.push({ id: this.#process!.run(part.work.sequences(part)), part })
    }
    this.#settle()
    this.#watch()
  }

  /** Tells callers, in the order in which they came; the order means nothing any more when the engine stops. */
  #settle(): void {
    if (this.#stopped()) {
      for (const work of this.#works.filter(({ done }) => done)) work.settle()
      this.#works = this.#works.filter(({ done }) => !done)
    }
    while (this.#works[0]?.done) this.#works.shift()!.settle()
  }

  /** Sees to it that what runs now does not run for ever. */
  #watch(): void {
    const [running] = this.#handed
    if (running?.id === this.#watched?.id) return
    clearTimeout(this.#watched?.timer)
    this.#watched = undefined
    if (!running) return
    const { id, part } = running
    const tokens = part.work.sequences(part).reduce((sum, { ids }) => sum + ids.length, 0)
    const limit = runLimit(this.#options.runTimeoutMs, this.#capacity, tokens)
    // If this process was held up itself, the answer may be there already, unread: it is read before an immediate.
    const fault: Fault = { reason: 'hang', message: `it did not answer within ${Math.round(limit)} ms` }
    const expired = () => setImmediate(() => this.#handed[0] === running && this.#process?.kill(fault))
    this.#watched = { id, timer: limit < Infinity ? setTimeout(expired, limit) : undefined }
  }

  #finish(message: RunMessage<O>): void {
    const handed = this.#handed.find(({ id }) => id === message.run)
    if (!handed) {
      // What it was told before `close` may still be answered.
      if (this.#stopped()) return
      return this.#tell({ reason: 'bad_reply', message: 'it answered a run that it was not to answer' })
    }
    const { part } = handed
    const fault = this.#faultOf(message, part)
    this.#handed = this.#handed.filter((each) => each !== handed)
    if (fault) {
      this.#tell(fault)
      this.#again(this.#blame(part, fault, false))
    } else if (message.type === 'result') {
      this.#restartsInARow = 0
      this.#proven = true
      part.work.answer(part, message.outputs)
    }
    if (this.#handed.length === 0) this.#idle?.()
    this.#next()
  }

  #faultOf(message: RunMessage<O>, part: Part<O>): Fault | null {
    if (message.type === 'run_failed') return { reason: 'run_failed', message: message.message }
    const defect = resultDefect(message.outputs, part.rows.length, this.#form)
    // One conversation may truly come to NaN: its caller is told that.
    if (!defect || (defect.kind === 'all_nan' && part.rows.length === 1 && part.failures > 0)) return null
    return { reason: 'bad_reply', message: defect.message }
  }

  /** Counts a failure. @returns what to run next */
  #blame(part: Part<O>, { reason, message }: Fault, ended: boolean): Part<O>[] {
    part.work.interrupted = true
    part.work.onFailure?.(part.rows, reason)
    const parts = part.work.fail(part, { message, ended })
    if (parts.length > 1 && part.failures === 1) {
      this.#options.onEvent?.({ type: 'bisection', sequences: part.rows.length })
    }
    return parts
  }

  /** Puts parts before all that waits. */
  #again(parts: readonly Part<O>[]): void {
    this.#waiting.unshift(...parts)
    if (this.#stopped()) this.#refuseWaiting('the engine failed on this batch and is stopping')
  }

  #tell({ reason, message }: Fault): void {
    this.#options.onEvent?.({ type: 'fault', reason, message })
  }

  #crashed(fault: Fault): void {
    this.#process = undefined
    this.#tell(fault)
    for (const work of this.#works) work.interrupted = true
    // Only what ran is to blame; what was behind it goes again as if it had not been handed over.
    const [running, ...behind] = this.#handed.splice(0)
    // An engine that works and dies of what it runs finds what it dies of: that is bounded, and no reason to give up.
    if (running && this.#proven) this.#restartsInARow = 0
    const parts = running ? this.#blame(running.part, fault, true) : []
    this.#again([...parts, ...behind.map(({ part }) => part)])
    this.#idle?.()
    if (!this.#stopped()) this.#scheduleRestart()
    this.#settle()
    this.#watch()
  }

  #scheduleRestart(): void {
    if (this.#restartsInARow >= (this.#options.maxRestarts ?? MAX_RESTARTS)) {
      this.#state = 'failed'
      this.#refuseWaiting('the engine keeps failing')
      const message = `the engine failed ${this.#restartsInARow + 1} times in a row`
      this.#options.onEvent?.({ type: 'failed', message })
      return
    }
    this.#state = 'restarting'
    const pauseMs = (this.#options.backoffMs ?? BACKOFF_MS) * 2 ** this.#restartsInARow
    this.#restartsInARow += 1
    this.#returnsAt = performance.now() + pauseMs + this.#startMs
    this.#options.onEvent?.({ type: 'restarting', pauseMs })
    this.#restartTimer = setTimeout(() => void this.#restart(), pauseMs)
  }

  async #restart(): Promise<void> {
    try {
      await this.#start(this.#options.proof, this.#options.reloadTimeoutMs ?? loadLimit(this.#firstLoadMs))
    } catch (error) {
      if (this.#stopped()) return
      if (!(error instanceof StartFailure)) throw error
      this.#tell({ reason: error.reason, message: error.message })
      return this.#scheduleRestart()
    }
    // It may have ended since, and then another restart is under way.
    if (this.#stopped() || !this.#process) return
    this.#restarts += 1
    this.#state = 'ready'
    this.#options.onEvent?.({ type: 'restarted', restarts: this.#restarts })
    this.#next()
  }

  /** `close` may have been called meanwhile, which the compiler cannot see. */
  #stopped(): boolean {
    return this.#state === 'stopped'
  }

  #refuseWaiting(message: string): void {
    const error = new ArmormError('engine_unavailable', message)
    for (const part of this.#waiting.splice(0)) part.work.refuse(part, error)
    this.#settle()
  }
}

export interface RewardEngineOptions extends SupervisorOptions {
  /** Number of objectives, K: replies with another one are broken. Left out: any. */
  readonly objectives?: number
}

/** Computes rewards: what the server has. */
export class EngineSupervisor extends Supervisor<HeadOutputs> {
  constructor(options: RewardEngineOptions) {
    super(rewardForm(options.objectives), options)
  }
}

/** Computes hidden states with the backbone alone: what training has. */
export class StateEngine extends Supervisor<StateOutputs> {
  /** @param options.hidden - size of a state */
  constructor(options: SupervisorOptions<StateOutputs> & { readonly hidden: number }) {
    super(stateForm(options.hidden), options)
  }
}
