/**
 * One tokenizer worker as its pool sees it: takes work while it has room, gives results back in order, and is replaced
 * when it ends or misses a deadline.
 */
import { Worker } from 'node:worker_threads'
import { ArmormError } from '../errors.js'
import type { TokenizedConversation } from './conversation.js'
import type { Outcome, WorkerMessage, WorkerSetup, WorkerTask } from './pool-worker.js'

/** One conversation that somebody waits for. */
export interface Work {
  readonly task: WorkerTask
  readonly characters: number
  /** Both do nothing when it is settled: work behind slow work may be done twice. */
  resolve(tokenized: TokenizedConversation): void
  reject(error: Error): void
}

/** What a lane tells its pool. */
export interface LaneEvents {
  /** There is room for more work. */
  room(lane: Lane): void
  /** The first of its work takes long: others may do what stands behind it. */
  slow(lane: Lane, behind: readonly Work[]): void
  /** The worker has ended; what it had not begun comes back, and another worker takes its place. */
  ended(lane: Lane, rest: readonly Work[]): void
  loaded(lane: Lane, bosId: number | null): void
  /** The worker cannot load its tokenizer; it will be tried again. */
  notLoaded(lane: Lane, error: ArmormError): void
}

/** Characters (some 4,000 tokens, a few milliseconds) that are sent ahead, so that a worker never waits for work. */
export const CHUNK_CHARACTERS = 16_384
/** With fewer characters than this in hand a worker gets more. */
const LOW_CHARACTERS = CHUNK_CHARACTERS / 4
/** Milliseconds after which work counts as slow. */
export const PATIENCE_MS = 100
/** Pause in milliseconds before a worker that could not load is started again. */
const RELOAD_MS = 1000

const SCRIPT = new URL('./pool-worker.js', import.meta.url)

export class Lane {
  readonly #setup: WorkerSetup
  readonly #deadlineMs: number
  readonly #events: LaneEvents
  /** Null between an attempt that failed to load and the next one. */
  #worker: Worker | null
  #state: 'loading' | 'ready' | 'closed' = 'loading'
  /** Sent to the worker and not answered; the first is what it is at. */
  #sent: Work[] = []
  #characters = 0
  /** When the first of `#sent` was begun (performance.now()). */
  #began = 0
  #slow = false
  #timer: NodeJS.Timeout | undefined

  constructor(setup: WorkerSetup, deadlineMs: number, events: LaneEvents) {
    this.#setup = setup
    this.#deadlineMs = deadlineMs
    this.#events = events
    this.#worker = this.#start()
  }

  get loaded(): boolean {
    return this.#state === 'ready'
  }

  /** Whether it takes work without delay: loaded, and not held up. */
  get ready(): boolean {
    return this.#state === 'ready' && !this.#slow
  }

  /** Characters that may be sent now; 0 when it has enough, or is not ready. */
  get room(): number {
    return this.ready && this.#characters < LOW_CHARACTERS ? CHUNK_CHARACTERS - this.#characters : 0
  }

  send(works: readonly Work[]): void {
    if (works.length === 0) return
    if (this.#sent.length === 0) this.#begin()
    for (const work of works) {
      this.#sent.push(work)
      this.#characters += work.characters
    }
    this.#worker?.postMessage(works.map(({ task }) => task))
  }

  /** Ends the worker; its work comes back unfinished. */
  async close(): Promise<readonly Work[]> {
    this.#state = 'closed'
    const rest = this.#empty()
    await this.#worker?.terminate()
    return rest
  }

  #start(): Worker {
    const worker = new Worker(SCRIPT, { workerData: this.#setup })
    // What an ended worker still says is no longer listened to.
    const whileCurrent =
      <T>(hear: (what: T) => void) =>
      (what: T) => {
        if (worker === this.#worker && this.#state !== 'closed') hear(what)
      }
    worker.on(
      'message',
      whileCurrent((message: WorkerMessage) => {
        if (message.kind === 'encoded') this.#answered(message.outcome)
        else this.#loaded(message.outcome)
      })
    )
    const end = (error: ArmormError) => {
      if (this.#state === 'loading') this.#notLoaded(error)
      else this.#replace(error)
    }
    worker.on(
      'error',
      whileCurrent((error: Error) => end(failure(error)))
    )
    worker.on(
      'exit',
      whileCurrent((code: number) => end(failure(new Error(`the worker ended with code ${code}`))))
    )
    return worker
  }

  #loaded(outcome: Outcome<{ bosId: number | null }>): void {
    if ('error' in outcome) {
      this.#notLoaded(ArmormError.from(outcome.error))
      return
    }
    this.#state = 'ready'
    this.#worker?.unref()
    this.#events.loaded(this, outcome.value.bosId)
    this.#events.room(this)
  }

  #notLoaded(error: ArmormError): void {
    this.#worker = null
    this.#timer = setTimeout(() => (this.#worker = this.#start()), RELOAD_MS)
    this.#events.notLoaded(this, error)
  }

  #answered(outcome: Outcome<TokenizedConversation>): void {
    const work = this.#sent.shift()
    if (work === undefined) return
    this.#characters -= work.characters
    if (this.#sent.length === 0) this.#rest()
    else {
      this.#began = performance.now()
      if (this.#slow) this.#watch(PATIENCE_MS)
      this.#slow = false
    }
    if ('error' in outcome) work.reject(ArmormError.from(outcome.error))
    else work.resolve(outcome.value)
    this.#events.room(this)
  }

  /** From now on the first of its work is timed, and keeps the process alive. */
  #begin(): void {
    this.#began = performance.now()
    this.#worker?.ref()
    this.#watch(PATIENCE_MS)
  }

  #rest(): void {
    this.#slow = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#worker?.unref()
  }

  #watch(milliseconds: number): void {
    clearTimeout(this.#timer)
    const timer = setTimeout(
      () => {
        // When the server itself was held up, results may lie ready: they are heard before the time is judged.
        setImmediate(() => {
          if (this.#timer === timer) this.#judge()
        })
      },
      Math.min(milliseconds, this.#deadlineMs)
    )
    this.#timer = timer
  }

  #judge(): void {
    const taken = performance.now() - this.#began
    if (taken >= this.#deadlineMs) {
      const message = `tokenizing took longer than ${this.#deadlineMs} ms`
      this.#replace(new ArmormError('text_too_large', message, { deadline_ms: this.#deadlineMs }))
      return
    }
    const slow = taken >= PATIENCE_MS
    this.#watch((slow ? this.#deadlineMs : PATIENCE_MS) - taken)
    if (slow && !this.#slow) {
      this.#slow = true
      this.#events.slow(this, this.#sent.slice(1))
    }
  }

  /** Refuses what the worker was at, and puts another worker in its place. */
  #replace(error: ArmormError): void {
    const [first, ...rest] = this.#empty()
    const ended = this.#worker
    this.#state = 'loading'
    this.#worker = this.#start()
    void ended?.terminate()
    first?.reject(error)
    this.#events.ended(this, rest)
  }

  #empty(): Work[] {
    const works = this.#sent
    this.#sent = []
    this.#characters = 0
    this.#rest()
    return works
  }
}

function failure(error: Error): ArmormError {
  return (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new ArmormError('text_too_large', 'tokenizing took more memory than a worker has', {}, error)
    : new ArmormError('internal', 'tokenizing failed', {}, error)
}
