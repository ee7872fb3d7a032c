/** Messages between the supervisor and the engine process (structured clones, so typed arrays stay what they are). */
import type { ErrorData } from '../errors.js'
import type { EngineCapacity, EngineSequence, HeadOutputs } from './contract.js'
import type { SessionOptions } from './session.js'
import type { WarmUpOptions } from './warm-up.js'

export type ToEngine =
  | { readonly type: 'load'; readonly options: SessionOptions; readonly warmUp: WarmUpOptions | null }
  /** One may come while another runs; they run in order. */
  | { readonly type: 'run'; readonly run: number; readonly batch: readonly EngineSequence[] }

export type FromEngine =
  | { readonly type: 'loaded'; readonly capacity: EngineCapacity | null }
  | { readonly type: 'load_failed'; readonly error: ErrorData }
  | { readonly type: 'result'; readonly run: number; readonly outputs: HeadOutputs }
  | { readonly type: 'run_failed'; readonly run: number; readonly message: string }

/** What becomes of a run. */
export type RunMessage = Extract<FromEngine, { type: 'result' | 'run_failed' }>

/** Whether something that came from the process is a message; what a result holds is `resultDefect`'s to say. */
export function isFromEngine(value: unknown): value is FromEngine {
  if (typeof value !== 'object' || value === null) return false
  const { type, run, message, error, capacity } = value as Record<string, unknown>
  switch (type) {
    case 'loaded':
      return typeof capacity === 'object'
    case 'load_failed':
      return typeof error === 'object' && error !== null
    case 'result':
      return typeof run === 'number'
    case 'run_failed':
      return typeof run === 'number' && typeof message === 'string'
    default:
      return false
  }
}

export type ResultDefect =
  | { readonly kind: 'malformed'; readonly message: string }
  /** May be what the model computes of one sequence, but hardly of many. */
  | { readonly kind: 'all_nan'; readonly message: string }

/**
 * What is wrong with the outputs of a run; null when they are the heads' for so many sequences.
 * @param sequences - sequences that ran, N
 * @param objectives - K; left out: whatever the ratings have
 */
export function resultDefect(outputs: unknown, sequences: number, objectives?: number): ResultDefect | null {
  const malformed = (message: string): ResultDefect => ({
    kind: 'malformed',
    message: `its reply is broken: ${message}`
  })
  if (typeof outputs !== 'object' || outputs === null) return malformed('it has no outputs')
  const found = outputs as Record<keyof HeadOutputs, unknown>
  for (const name of ['ratings', 'gating', 'adjusted', 'score'] as const) {
    if (!(found[name] instanceof Float32Array)) return malformed(`${name} is not float32`)
  }
  const { ratings, gating, adjusted, score } = found as HeadOutputs
  const wanted = sequences * (objectives ?? Math.max(1, Math.round(ratings.length / sequences)))
  for (const [name, { length }, expected] of [
    ['score', score, sequences],
    ['ratings', ratings, wanted],
    ['gating', gating, wanted],
    ['adjusted', adjusted, wanted]
  ] as const) {
    if (length !== expected) return malformed(`${name} has ${length} values, not ${expected}`)
  }
  const all = [score, ratings, gating, adjusted].every((values) => values.every(Number.isNaN))
  return all ? { kind: 'all_nan', message: 'its reply holds no number, only NaN' } : null
}
