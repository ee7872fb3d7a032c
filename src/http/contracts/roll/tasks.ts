/** Tasks that were submitted and whose results are polled for: bounded in number, text and age. */
import { randomUUID } from 'node:crypto'
import { ArmormError } from '../../../errors.js'
import type { Limits } from '../../services.js'

/** Finished tasks that are kept; of more, those that finished first go. Under a kilobyte each, with 24 objectives. */
const MOST_FINISHED = 16_384

/** What is kept of a reward. */
export interface TaskResult {
  readonly reward: number
  /** `[extras]` */
  readonly extras: readonly number[]
  /** `[extras]` The objectives that they are ratings of: those of the model that gave them. */
  readonly names: readonly string[]
  /** Why the numbers stand in for a score; unset where they do not. */
  readonly error?: { readonly code: string; readonly message: string }
}

export interface Task {
  readonly started: Date
  /** Unset while it runs. */
  outcome?: { readonly ended: Date; readonly result: TaskResult | ArmormError }
}

export class Tasks {
  readonly #limits: Pick<Limits, 'maxInputs' | 'bodyLimit'>
  readonly #tasks = new Map<string, { readonly task: Task; readonly timer: NodeJS.Timeout }>()
  /** In the order in which they finished. */
  readonly #finished = new Set<string>()
  #running = 0
  #runningCharacters = 0

  constructor(limits: Pick<Limits, 'maxInputs' | 'bodyLimit'>) {
    this.#limits = limits
  }

  /** Tasks that are known, running and finished. */
  get size(): number {
    return this.#tasks.size
  }

  /**
   * Starts a task. Those that run are no more, and hold no more text, than one request may.
   * @param characters - of its text
   * @param seconds - from now on it may run, and its result is kept, for so long
   * @param work - rejects with an ArmormError; its signal aborts when the time is over
   * @returns an id that nobody can guess
   * @throws ArmormError overloaded
   */
  submit(characters: number, seconds: number, work: (signal: AbortSignal) => Promise<TaskResult>): string {
    const running = this.#running
    const { maxInputs, bodyLimit } = this.#limits
    if (running > 0 && (running >= maxInputs || this.#runningCharacters + characters > bodyLimit)) {
      throw new ArmormError('overloaded', `${running} tasks run already`, { running, limit: maxInputs })
    }
    const id = randomUUID()
    const task: Task = { started: new Date() }
    const expiry = new AbortController()
    const timer = setTimeout(() => {
      this.#drop(id)
      expiry.abort(new ArmormError('client_closed', 'nobody waits for the task any more'))
    }, seconds * 1000)
    timer.unref()
    this.#tasks.set(id, { task, timer })
    this.#running++
    this.#runningCharacters += characters
    const end = (result: TaskResult | ArmormError) => {
      this.#running--
      this.#runningCharacters -= characters
      task.outcome = { ended: new Date(), result }
      if (!this.#tasks.has(id)) return
      this.#finished.add(id)
      const [first] = this.#finished
      if (this.#finished.size > MOST_FINISHED && first !== undefined) this.#drop(first)
    }
    work(expiry.signal).then(end, (error: unknown) =>
      end(error instanceof ArmormError ? error : new ArmormError('internal', 'a defect of the server', {}, error))
    )
    return id
  }

  /** undefined for an id that was never given out, or whose time is over. */
  get(id: string): Task | undefined {
    return this.#tasks.get(id)?.task
  }

  #drop(id: string): void {
    clearTimeout(this.#tasks.get(id)?.timer)
    this.#tasks.delete(id)
    this.#finished.delete(id)
  }
}
