/** How long the engine may take before it counts as hung. */
import type { EngineCapacity } from './contract.js'

/** No derived limit is shorter: machines pause, and share their cores. */
const FLOOR_MS = 60_000
/** A run may take so many times what the measured rate lets expect. Long conversations cost more than their tokens. */
const RUN_FACTOR = 20
/** Loading again may take so many times what the first load took, which may have found its files in no cache. */
const LOAD_FACTOR = 10
/** Node's timers hold no more. */
const LONGEST_MS = 2 ** 31 - 1

/**
 * Milliseconds that a run may take; Infinity for no limit.
 * @param option - what the operator set: milliseconds, 0 for no limit; left out: derived from the measured rate, and no
 *   limit where nothing was measured
 * @param tokens - of all its sequences, shared ones counted each time
 */
export function runLimit(option: number | undefined, capacity: EngineCapacity | null, tokens: number): number {
  if (option !== undefined) return option === 0 ? Infinity : Math.min(LONGEST_MS, option)
  if (!capacity) return Infinity
  return limit(RUN_FACTOR * ((1000 * tokens) / capacity.tokensPerSecond))
}

/** Milliseconds that loading again may take, when the first load took so many. */
export function loadLimit(firstMs: number): number {
  return limit(LOAD_FACTOR * firstMs)
}

function limit(ms: number): number {
  return Math.min(LONGEST_MS, Math.max(FLOOR_MS, ms))
}
