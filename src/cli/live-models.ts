/**
 * Models that may have work: the one in service and, after a reload, the one before until it has answered its last
 * request. What waits for either waits in this server, so gauges show their sum.
 */
import type { Engine } from '../engine/contract.js'

export class LiveModels<T extends { readonly engine: Pick<Engine, 'health'> }> {
  readonly #models = new Set<T>()
  #endedRestarts = 0

  add(model: T): void {
    this.#models.add(model)
  }

  /** It has no work any more. Safe to call twice. */
  end(model: T): void {
    if (this.#models.delete(model)) this.#endedRestarts += model.engine.health().restarts
  }

  sum(of: (model: T) => number): number {
    return [...this.#models].reduce((sum, model) => sum + of(model), 0)
  }

  /** Restarts of all engines that ever were: a reload takes none back. */
  get restarts(): number {
    return this.#endedRestarts + this.sum(({ engine }) => engine.health().restarts)
  }
}
