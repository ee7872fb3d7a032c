/** The engine as a supervised child process: crashes are restarted, work in flight is tried once more. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ArmormError } from '../errors.js'
import type { Engine, EngineCapacity, EngineHealth, EngineSequence, EngineState, HeadOutputs } from './contract.js'
import type { FromEngine, ToEngine } from './protocol.js'
import type { SessionOptions } from './session.js'
import type { WarmUpOptions } from './warm-up.js'

export interface SupervisorOptions extends SessionOptions {
  /** How to measure what batches pay, at the first load; left out: nothing is measured. */
  readonly warmUp?: WarmUpOptions
  /** Restarts in a row, without one good batch between, after which the engine counts as failed. */
  readonly maxRestarts?: number
  /** First pause before a restart; doubles with each restart in a row. */
  readonly backoffMs?: number
  /** Told of every restart and of the final failure. */
  readonly onEvent?: (event: EngineEvent) => void
  /** Program of the child process; another one stands in for it in tests. */
  readonly program?: string
}

export type EngineEvent =
  | { readonly type: 'exited'; readonly code: number | null; readonly signal: string | null }
  | { readonly type: 'restarted'; readonly restarts: number }
  | { readonly type: 'failed'; readonly message: string }

interface Work {
  readonly batch: readonly EngineSequence[]
  readonly resolve: (outputs: HeadOutputs) => void
  readonly reject: (error: ArmormError) => void
  /** Engine processes that died, or refused, while they ran it. */
  failures: number
}

const MAX_RESTARTS = 5
const BACKOFF_MS = 250
/** Runs of one piece of work: the first and one more. */
const MAX_RUNS = 2
/** Batches that the process has: one that it runs, and one that it finds in its pipe when that one ends. */
const DEPTH = 2

/** Work that the process has, in the order of its answers. */
interface Handed {
  /** Rises with each message to the process: it runs the smallest. */
  id: number
  readonly work: Work
  /** Its answer, kept back while older work is tried again. */
  outputs?: HeadOutputs
}

export class EngineSupervisor implements Engine {
  readonly #options: SupervisorOptions
  #state: EngineState = 'stopped'
  #restarts = 0
  #restartsInARow = 0
  #child: ChildProcess | undefined
  #capacity: EngineCapacity | null = null
  #handed: Handed[] = []
  #nextRun = 0
  readonly #waiting: Work[] = []
  #idle: (() => void) | undefined
  #closing: Promise<void> | undefined
  #restartTimer: NodeJS.Timeout | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  health(): EngineHealth {
    return { state: this.#state, restarts: this.#restarts }
  }

  capacity(): EngineCapacity | null {
    return this.#capacity
  }

  /** Process id of the engine, for operators and tests; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  async load(): Promise<void> {
    if (this.#closing) throw new ArmormError('engine_unavailable', 'the engine is stopped')
    this.#state = 'starting'
    try {
      await this.#start()
    } catch (error) {
      if (!this.#stopped()) {
        this.#state = 'failed'
        throw error
      }
    }
    if (this.#stopped()) throw new ArmormError('engine_unavailable', 'the engine was stopped while it loaded')
    this.#state = 'ready'
  }

  run(batch: readonly EngineSequence[]): Promise<HeadOutputs> {
    if (batch.length === 0) return Promise.reject(new RangeError('a batch needs at least one sequence'))
    if (this.#state !== 'ready' && this.#state !== 'restarting') {
      return Promise.reject(new ArmormError('engine_unavailable', `the engine is ${this.#state}`))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject, failures: 0 })
      this.#next()
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const loaded = this.#state === 'ready'
    this.#state = 'stopped'
    clearTimeout(this.#restartTimer)
    // The process runs the oldest of its messages; what is behind it has not begun, and would hold up the end.
    const behind = this.#handed.filter((handed) => handed !== this.#runs())
    this.#handed = this.#handed.filter((handed) => !behind.includes(handed))
    this.#waiting.unshift(...behind.map(({ work }) => work))
    this.#refuseWaiting('the engine is stopping')
    if (this.#handed.length > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    const child = this.#child
    this.#child = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    // A process that is still loading, or at work that nobody waits for, would not hear of it before it is done.
    if (loaded && behind.length === 0 && child.connected) child.disconnect()
    else child.kill('SIGKILL')
    await exited
  }

  /** Starts a child process and loads the bundle in it. */
  #start(): Promise<void> {
    const program = this.#options.program ?? fileURLToPath(new URL('./child.js', import.meta.url))
    const child = fork(program, [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    this.#child = child
    return new Promise((resolve, reject) => {
      let loaded = false
      let failure: ArmormError | undefined
      const ended = (code: number | null, signal: string | null): void => {
        const current = child === this.#child
        if (current) this.#child = undefined
        if (!loaded) {
          const how = `the engine process ended while loading (${signal ?? `code ${code}`})`
          reject(failure ?? new ArmormError('engine_failed', how))
        } else if (current) this.#crashed(code, signal)
      }
      child.on('message', (message: FromEngine) => {
        if (message.type === 'loaded') {
          loaded = true
          this.#capacity ??= message.capacity
          resolve()
        } else if (message.type === 'load_failed') {
          failure = ArmormError.from(message.error)
          child.kill('SIGKILL')
        } else {
          this.#finish(message)
        }
      })
      child.on('error', (error) => {
        failure ??= new ArmormError('engine_failed', `the engine process: ${error.message}`)
        // One that could not be started has no exit either.
        if (child.pid === undefined) ended(null, null)
      })
      child.once('exit', (code, signal) => {
        // Its last messages, a result among them, may be known only after its exit: they end where the channel does.
        if (child.connected) child.once('disconnect', () => ended(code, signal))
        else ended(code, signal)
      })
      const { folder, provider, threads, exactTokens } = this.#options
      const warmUp = this.#capacity ? null : (this.#options.warmUp ?? null)
      this.#send({ type: 'load', options: { folder, provider, threads, exactTokens }, warmUp })
    })
  }

  /** A child may be gone before its exit is known; then the exit decides what happens, not the failed send. */
  #send(message: ToEngine): void {
    this.#child?.send(message, () => undefined)
  }

  #next(): void {
    while (this.#state === 'ready' && this.#handed.length < DEPTH) {
      const work = this.#waiting.shift()
      if (!work) return
      const handed = { id: 0, work }
      this.#handed.push(handed)
      this.#runIt(handed)
    }
  }

  #runIt(handed: Handed): void {
    handed.id = this.#nextRun++
    this.#send({ type: 'run', run: handed.id, batch: handed.work.batch })
  }

  /** What the process runs: of what it has not answered, that of which it was told first. */
  #runs(): Handed | undefined {
    const unanswered = this.#handed.filter(({ outputs }) => !outputs)
    return unanswered.reduce<Handed | undefined>(
      (first, each) => (first && first.id < each.id ? first : each),
      undefined
    )
  }

  #finish(message: Extract<FromEngine, { type: 'result' | 'run_failed' }>): void {
    const handed = this.#handed.find(({ id }) => id === message.run)
    if (!handed) return
    if (message.type === 'result') {
      this.#restartsInARow = 0
      handed.outputs = message.outputs
    } else if (this.#mayTryAgain(handed.work, message.message)) {
      this.#runIt(handed)
    } else {
      this.#handed = this.#handed.filter((each) => each !== handed)
    }
    while (this.#handed[0]?.outputs) {
      const { work, outputs } = this.#handed.shift()!
      work.resolve(outputs!)
    }
    if (this.#handed.length === 0) this.#idle?.()
    this.#next()
  }

  /** Counts a failure. @returns false when the work is given up: its caller has been told. */
  #mayTryAgain(work: Work, reason: string): boolean {
    work.failures += 1
    if (work.failures >= MAX_RUNS) {
      const message = `the engine failed ${work.failures} times on this batch, the last time because ${reason}`
      work.reject(new ArmormError('engine_failed', message))
      return false
    }
    if (this.#stopped()) {
      work.reject(new ArmormError('engine_unavailable', 'the engine failed on this batch and is stopping'))
      return false
    }
    return true
  }

  #crashed(code: number | null, signal: string | null): void {
    this.#options.onEvent?.({ type: 'exited', code, signal })
    // Only what ran is to blame; what was behind it goes again as if it had not been handed over.
    const running = this.#runs()
    const gaveUp = running && !this.#mayTryAgain(running.work, `its process ended (${signal ?? `code ${code}`})`)
    const left = this.#handed.splice(0).filter((handed) => !(gaveUp && handed === running))
    this.#waiting.unshift(...left.map(({ work }) => work))
    this.#idle?.()
    if (this.#state !== 'stopped') this.#scheduleRestart()
  }

  #scheduleRestart(): void {
    if (this.#restartsInARow >= (this.#options.maxRestarts ?? MAX_RESTARTS)) {
      this.#state = 'failed'
      this.#refuseWaiting('the engine keeps failing')
      this.#options.onEvent?.({
        type: 'failed',
        message: `the engine failed ${this.#restartsInARow + 1} times in a row`
      })
      return
    }
    this.#state = 'restarting'
    const pause = (this.#options.backoffMs ?? BACKOFF_MS) * 2 ** this.#restartsInARow
    this.#restartsInARow += 1
    this.#restartTimer = setTimeout(() => void this.#restart(), pause)
  }

  async #restart(): Promise<void> {
    try {
      await this.#start()
    } catch {
      return this.#stopped() ? undefined : this.#scheduleRestart()
    }
    if (this.#stopped()) return
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
    for (const work of this.#waiting.splice(0)) work.reject(new ArmormError('engine_unavailable', message))
  }
}
