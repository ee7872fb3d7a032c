/** One engine process from its start to its end: what it says is checked here, and why it ended is found out. */
import { ArmormError } from '../errors.js'
import type { EngineCapacity, EngineFault, EngineSequence, HeadOutputs, Outputs } from './contract.js'
import { type EngineChild, startChild } from './engine-child.js'
import { isFromEngine, type OutputForm, resultDefect, type RunMessage, type ToEngine } from './protocol.js'

/** Something that went wrong with the engine. */
export interface Fault {
  readonly reason: EngineFault
  readonly message: string
}

/** What an engine has to answer before it gets work. */
export interface EngineProof<O extends Outputs = HeadOutputs> {
  readonly batch: readonly EngineSequence[]
  /** @throws when these are not the outputs of the model that is served */
  readonly check: (outputs: O) => void
}

export interface ProcessListener<O extends Outputs> {
  /** About a run; its outputs are not looked at yet. */
  readonly answered: (message: RunMessage<O>) => void
  /** It sent something that is no message. */
  readonly babbled: (fault: Fault) => void
  /** It ended after it had started. */
  readonly ended: (fault: Fault) => void
}

/** An attempt to start a process that came to nothing. */
export class StartFailure extends Error {
  constructor(
    readonly reason: EngineFault,
    readonly error: ArmormError
  ) {
    super(error.message)
  }
}

/** A process that ends loses its channel first; one that lost it and goes on for so long has to be ended. */
const CHANNEL_GRACE_MS = 200

export class EngineProcess<O extends Outputs> {
  readonly #child: EngineChild
  readonly #form: OutputForm<O>
  readonly #listener: ProcessListener<O>
  #runs = 0
  #phase: 'loading' | 'proving' | 'started' = 'loading'
  /** Why it is killed, when this process does it. */
  #killedFor: Fault | undefined
  #startFailure: StartFailure | undefined
  #end: ((code: number | null, signal: string | null) => void) | undefined

  constructor(program: string, form: OutputForm<O>, listener: ProcessListener<O>, start = startChild) {
    this.#form = form
    this.#listener = listener
    this.#child = started(start, program)
    let grace: NodeJS.Timeout | undefined
    this.#child.once('disconnect', () => {
      const fault: Fault = { reason: 'channel', message: 'it closed its channel' }
      if (!this.#gone) grace = setTimeout(() => this.kill(fault), CHANNEL_GRACE_MS)
    })
    this.#child.once('exit', (code, signal) => {
      clearTimeout(grace)
      // Its last messages, a result among them, may be known only after its exit: they end where the channel does.
      if (this.#child.connected) this.#child.once('disconnect', () => this.#end?.(code, signal))
      else this.#end?.(code, signal)
    })
    this.#child.once('broken', (what) => {
      const fault: Fault = { reason: 'channel', message: `it wrote ${what} to its channel` }
      const error = new ArmormError('engine_failed', `the engine process: ${fault.message}`)
      this.#startFailure ??= new StartFailure(fault.reason, error)
      this.kill(fault)
    })
    this.#child.on('error', ({ message }) => {
      const error = new ArmormError('engine_failed', `the engine process: ${message}`)
      this.#startFailure ??= new StartFailure('load_failed', error)
      // One that could not be started has no exit either.
      if (this.#child.pid === undefined) this.#end?.(null, null)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get #gone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /**
   * Loads the bundle.
   * @param proof - what it has to answer then; undefined: it is trusted
   * @param limitMs - how long all that may take
   * @returns what it measured of itself
   * @throws StartFailure, once the process has ended
   */
  start(
    load: Omit<Extract<ToEngine, { type: 'load' }>, 'computes'>,
    proof: EngineProof<O> | undefined,
    limitMs: number
  ): Promise<EngineCapacity | null> {
    return new Promise((resolve, reject) => {
      let capacity: EngineCapacity | null = null
      const fail = (reason: EngineFault, error: ArmormError): void => {
        this.#startFailure ??= new StartFailure(reason, error)
        this.#child.kill('SIGKILL')
      }
      const hung = () => fail('hang', new ArmormError('engine_failed', `the engine did not load within ${limitMs} ms`))
      const timer = limitMs < Infinity ? setTimeout(hung, limitMs) : undefined
      const started = (): void => {
        clearTimeout(timer)
        this.#phase = 'started'
        resolve(capacity)
      }
      this.#end = (code, signal) => {
        clearTimeout(timer)
        const fault = this.#faultOfEnd(code, signal)
        if (this.#phase === 'started') return this.#listener.ended(fault)
        const when = this.#phase === 'loading' ? 'while loading' : 'in the self-test'
        const error = new ArmormError('engine_failed', `the engine process ended ${when} (${signal ?? `code ${code}`})`)
        const reason = this.#phase === 'loading' ? 'load_failed' : 'self_test'
        reject(this.#startFailure ?? new StartFailure(reason, error))
      }
      this.#child.on('message', (message: unknown) => {
        if (!isFromEngine(message)) {
          this.#listener.babbled({ reason: 'bad_reply', message: 'it sent something that is no message' })
        } else if (message.type === 'load_failed') {
          fail('load_failed', ArmormError.from(message.error))
        } else if (message.type === 'loaded') {
          if (this.#phase !== 'loading') return
          capacity = message.capacity
          if (!proof) return started()
          this.#phase = 'proving'
          this.run(proof.batch)
        } else if (this.#phase === 'proving') {
          const reason = disproof(proof!, message as RunMessage<O>, this.#form)
          if (reason === null) started()
          else fail('self_test', new ArmormError('engine_failed', `the engine failed the self-test: ${reason}`))
        } else {
          this.#listener.answered(message as RunMessage<O>)
        }
      })
      this.#child.send({ ...load, computes: this.#form.computes })
    })
  }

  /** @returns the number of the run, which its answer has: they rise */
  run(batch: readonly EngineSequence[]): number {
    const run = this.#runs++
    this.#child.send({ type: 'run', run, batch })
    return run
  }

  /** Ends it at once. */
  kill(fault: Fault): void {
    this.#killedFor ??= fault
    this.#child.kill('SIGKILL')
  }

  /** Ends it, without telling the listener. @param idle - it has nothing to do, and would hear of it */
  async close(idle: boolean): Promise<void> {
    if (this.#phase === 'started') this.#end = undefined
    if (this.#gone) return
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    if (idle && this.#child.connected) this.#child.disconnect()
    else this.#child.kill('SIGKILL')
    await exited
  }

  #faultOfEnd(code: number | null, signal: string | null): Fault {
    // It may have ended by itself while it was to be killed.
    if (signal === 'SIGKILL' && this.#killedFor) return this.#killedFor
    return { reason: signal ? 'signal' : 'exit', message: `its process ended (${signal ?? `code ${code}`})` }
  }
}

/** Why an answer to the proof proves nothing; null when it does. */
function disproof<O extends Outputs>(
  { batch, check }: EngineProof<O>,
  message: RunMessage<O>,
  form: OutputForm<O>
): string | null {
  if (message.type === 'run_failed') return message.message
  const defect = resultDefect(message.outputs, batch.length, form)
  if (defect) return defect.message
  try {
    check(message.outputs)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** @throws StartFailure where the system has no memory for another process */
function started(start: typeof startChild, program: string): EngineChild {
  try {
    return start(program)
  } catch (error) {
    const message = `the engine process: ${error instanceof Error ? error.message : String(error)}`
    throw new StartFailure('load_failed', new ArmormError('engine_failed', message, {}, error))
  }
}
