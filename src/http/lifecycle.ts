/** Whether the server takes work. It only ever moves forward: starting, ready, draining. */
import type { Engine } from '../engine/contract.js'
import { ArmormError } from '../errors.js'

export type LifecycleState = 'starting' | 'ready' | 'draining'

export class Lifecycle {
  #state: LifecycleState = 'starting'

  get state(): LifecycleState {
    return this.#state
  }

  /** The bundle's self-test passed. */
  becomeReady(): void {
    if (this.#state === 'starting') this.#state = 'ready'
  }

  /** No new work from here on. */
  startDraining(): void {
    this.#state = 'draining'
  }
}

/** Why no work can be taken now; null when the server is ready. */
export function unreadiness(lifecycle: Lifecycle, engine: Pick<Engine, 'health'>): ArmormError | null {
  if (lifecycle.state === 'draining') return new ArmormError('shutting_down', 'the server is shutting down')
  if (lifecycle.state === 'starting') return new ArmormError('engine_unavailable', 'the server is starting')
  const { state } = engine.health()
  return state === 'ready' ? null : new ArmormError('engine_unavailable', `the engine is ${state}`, { engine: state })
}
