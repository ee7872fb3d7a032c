/** An engine process that is none: it lives in the test's own, so that hundreds of its deaths cost nothing. */
import { EventEmitter } from 'node:events'
import type { EngineSequence, HeadOutputs } from '../../src/engine/contract.js'
import type { FromEngine, ToEngine } from '../../src/engine/protocol.js'
import type { ChildEvents, EngineChild } from '../../src/engine/engine-child.js'
import { EngineSupervisor, type RewardEngineOptions } from '../../src/engine/supervisor.js'

export type RunMessage = Extract<ToEngine, { type: 'run' }>

/** What a process does with what it is told; it is told the next when `done` was called. */
export interface Behaviour {
  readonly load: (self: FakeProcess, done: () => void) => void
  readonly run: (self: FakeProcess, message: RunMessage, done: () => void) => void
}

let pids = 0

export class FakeProcess extends EventEmitter<ChildEvents> implements EngineChild {
  readonly pid = ++pids
  connected = true
  exitCode: number | null = null
  signalCode: string | null = null
  readonly #behaviour: Behaviour
  readonly #messages: ToEngine[] = []
  /** What its parent is yet to hear of, in order. */
  readonly #events: (() => void)[] = []
  #busy = false
  #dead = false

  constructor(behaviour: Behaviour) {
    super()
    this.#behaviour = behaviour
  }

  /** As `RewardEngineOptions.start` wants it. */
  static starter(behaviour: Behaviour): () => EngineChild {
    return () => new FakeProcess(behaviour)
  }

  send(message: ToEngine): void {
    if (!this.connected || this.#dead) return
    this.#messages.push(structuredClone(message))
    setImmediate(() => this.#next())
  }

  kill(signal: string): void {
    this.die(null, signal)
  }

  disconnect(): void {
    this.die(0, null)
  }

  /** Says something, whatever it is. */
  say(message: unknown): void {
    if (!this.#dead) this.#tell(() => void this.emit('message', message))
  }

  /** Writes bytes that are no message. */
  babble(): void {
    if (!this.#dead) this.#tell(() => void this.emit('broken', 'bytes'))
  }

  answer({ run, batch }: RunMessage): void {
    this.say({ type: 'result', run, outputs: outputsOf(batch) } satisfies FromEngine)
  }

  /** @param early - its end is known before its last messages */
  die(code: number | null, signal: string | null = null, early = false): void {
    if (this.#dead) return
    this.#dead = true
    const exit = () => {
      this.exitCode = code
      this.signalCode = signal
      this.emit('exit', code, signal)
    }
    const disconnect = () => {
      this.connected = false
      this.emit('disconnect')
    }
    if (early) this.#events.unshift(exit)
    else this.#tell(exit)
    this.#tell(disconnect)
  }

  /** One event a turn of the event loop. */
  #tell(event: () => void): void {
    this.#events.push(event)
    setImmediate(() => this.#events.shift()?.())
    // An exit that was put in front has to have a turn, too.
    setImmediate(() => this.#events.shift()?.())
  }

  #next(): void {
    if (this.#busy || this.#dead) return
    const message = this.#messages.shift()
    if (!message) return
    this.#busy = true
    const done = () => {
      this.#busy = false
      setImmediate(() => this.#next())
    }
    if (message.type === 'load') this.#behaviour.load(this, done)
    else this.#behaviour.run(this, message, done)
  }
}

/** `[N, 1]` each: the sum of a sequence's ids. */
export function outputsOf(batch: readonly EngineSequence[]): HeadOutputs {
  const values = Float32Array.from(batch, ({ ids }) => ids.reduce((sum, id) => sum + id, 0))
  return { ratings: values, gating: values, adjusted: values, score: values }
}

/** Loads at once. */
export function loads(self: FakeProcess, done: () => void): void {
  self.say({ type: 'loaded', capacity: null })
  done()
}

/** An engine of such processes: no folder, no pause between restarts. */
export function fakeEngine(
  options: Partial<RewardEngineOptions> & Pick<RewardEngineOptions, 'start'>
): EngineSupervisor {
  return new EngineSupervisor({ folder: '', provider: 'cpu', threads: 1, exactTokens: [], backoffMs: 0, ...options })
}
