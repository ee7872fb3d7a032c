/** A running program of the engine and the channel to it, as one thing. */
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { type ChannelEvents, FROM_ENGINE_FD, SupervisorChannel, TO_ENGINE_FD } from './channel.js'
import { engineEnvironment } from './environment.js'
import type { ToEngine } from './protocol.js'

export interface ChildEvents extends ChannelEvents<unknown> {
  exit: [code: number | null, signal: string | null]
  /** It could not be started, or not be sent a signal. */
  error: [error: Error]
}

export interface EngineChild extends EventEmitter<ChildEvents> {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined
  readonly exitCode: number | null
  readonly signalCode: string | null
  /** Whether something may still be heard of it. */
  readonly connected: boolean
  /** To one that is gone it means nothing. */
  send(message: ToEngine): void
  disconnect(): void
  kill(signal: NodeJS.Signals): void
}

/** Starts the program. @throws Error where the system has no memory for another process */
export function startChild(program: string): EngineChild {
  return new SpawnedChild(
    spawn(process.execPath, [program], {
      env: engineEnvironment(),
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe']
    })
  )
}

class SpawnedChild extends EventEmitter<ChildEvents> implements EngineChild {
  readonly #process: ChildProcess
  /** None where the program could not be started. */
  readonly #channel: SupervisorChannel | undefined

  constructor(child: ChildProcess) {
    super()
    this.#process = child
    child.on('exit', (code, signal) => this.emit('exit', code, signal))
    child.on('error', (error) => this.emit('error', error))
    // Without a file descriptor to spare there are no pipes, whatever the types say; `error` tells.
    const stdio = child.stdio as ChildProcess['stdio'] | undefined
    if (!stdio) return
    this.#channel = new SupervisorChannel(stdio[FROM_ENGINE_FD] as Socket, stdio[TO_ENGINE_FD] as Socket)
    this.#channel.on('message', (message) => this.emit('message', message))
    this.#channel.on('broken', (reason) => this.emit('broken', reason))
    this.#channel.on('disconnect', () => this.emit('disconnect'))
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get exitCode(): number | null {
    return this.#process.exitCode
  }

  get signalCode(): string | null {
    return this.#process.signalCode
  }

  get connected(): boolean {
    return this.#channel?.connected ?? false
  }

  send(message: ToEngine): void {
    this.#channel?.send(message)
  }

  disconnect(): void {
    this.#channel?.disconnect()
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }
}
