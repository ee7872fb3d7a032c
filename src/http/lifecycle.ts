/** Whether the server takes work. It only ever moves forward: starting, ready, leaving, draining. */
import type { Engine } from '../engine/contract.js'
import { ArmormError } from '../errors.js'
import { Holders } from './holders.js'

export type LifecycleState = 'starting' | 'ready' | 'leaving' | 'draining'

export class Lifecycle {
  #state: LifecycleState = 'starting'
  /** Requests that are being answered. */
  readonly requests = new Holders()

  get state(): LifecycleState {
    return this.#state
  }

  get takesWork(): boolean {
    return this.#state === 'ready' || this.#state === 'leaving'
  }

  /** Connections are not to be used again. */
  get stopping(): boolean {
    return this.#state === 'leaving' || this.#state === 'draining'
  }

  /** The bundle's self-test passed. */
  becomeReady(): void {
    if (this.#state === 'starting') this.#state = 'ready'
  }

  /** Probes say that the server goes; work is still taken, from those who have not heard of it. */
  startLeaving(): void {
    if (this.#state !== 'draining') this.#state = 'leaving'
  }

  /** No new work from here on. */
  startDraining(): void {
    this.#state = 'draining'
  }
}

/** Why the server is not ready; null when it is. */
export function unreadiness(lifecycle: Lifecycle, engine: Pick<Engine, 'health'>): ArmormError | null {
  if (lifecycle.stopping) return new ArmormError('shutting_down', 'the server is shutting down')
  if (lifecycle.state === 'starting') return new ArmormError('engine_unavailable', 'the server is starting')
  const { state, returnsInMs } = engine.health()
  if (state === 'ready') return null
  return new ArmormError('engine_unavailable', `the engine is ${state}`, {
    engine: state,
    ...(returnsInMs !== undefined && { retry_after_seconds: Math.round(returnsInMs) / 1000 })
  })
}
