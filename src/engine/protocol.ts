/** Messages between the supervisor and the engine process (structured clones, so typed arrays stay what they are). */
import type { ErrorData } from '../errors.js'
import type { EngineCapacity, EngineSequence, HeadOutputs, Outputs, StateOutputs } from './contract.js'
import type { SessionOptions } from './session.js'
import type { WarmUpOptions } from './warm-up.js'

/** What an engine computes. */
export type Computes = 'rewards' | 'states'

export type ToEngine =
  | {
      readonly type: 'load'
      readonly computes: Computes
      readonly options: SessionOptions
      readonly warmUp: WarmUpOptions | null
    }
  /** One may come while another runs; they run in order. */
  | { readonly type: 'run'; readonly run: number; readonly batch: readonly EngineSequence[] }

export type FromEngine<O = Outputs> =
  | { readonly type: 'loaded'; readonly capacity: EngineCapacity | null }
  | { readonly type: 'load_failed'; readonly error: ErrorData }
  | { readonly type: 'result'; readonly run: number; readonly outputs: O }
  | { readonly type: 'run_failed'; readonly run: number; readonly message: string }

/** What becomes of a run. */
export type RunMessage<O = Outputs> = Extract<FromEngine<O>, { type: 'result' | 'run_failed' }>

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

/** Values of a sequence in each array of the outputs; undefined: whatever the first such array has. */
export type Widths<O extends Outputs> = { readonly [Name in keyof O]: number | undefined }

/** What an engine answers with. */
export interface OutputForm<O extends Outputs> {
  readonly computes: Computes
  readonly widths: Widths<O>
}

/** @param objectives - K; left out: whatever the ratings have */
export function rewardForm(objectives?: number): OutputForm<HeadOutputs> {
  const widths = { ratings: objectives, gating: objectives, adjusted: objectives, score: 1 }
  return { computes: 'rewards', widths }
}

export function stateForm(hidden: number): OutputForm<StateOutputs> {
  return { computes: 'states', widths: { responseStates: hidden, promptStates: hidden } }
}

/**
 * What is wrong with the outputs of a run; null when they have the form for so many sequences.
 * @param sequences - sequences that ran, N
 */
export function resultDefect<O extends Outputs>(
  outputs: unknown,
  sequences: number,
  { widths }: OutputForm<O>
): ResultDefect | null {
  const malformed = (message: string): ResultDefect => ({
    kind: 'malformed',
    message: `its reply is broken: ${message}`
  })
  if (typeof outputs !== 'object' || outputs === null) return malformed('it has no outputs')
  const arrays: Float32Array[] = []
  let found: number | undefined
  for (const [name, width] of Object.entries<number | undefined>(widths)) {
    const values = (outputs as Record<string, unknown>)[name]
    if (!(values instanceof Float32Array)) return malformed(`${name} is not float32`)
    found ??= width ?? Math.max(1, Math.round(values.length / sequences))
    const expected = sequences * (width ?? found)
    if (values.length !== expected) return malformed(`${name} has ${values.length} values, not ${expected}`)
    arrays.push(values)
  }
  const all = arrays.every((values) => values.every(Number.isNaN))
  return all ? { kind: 'all_nan', message: 'its reply holds no number, only NaN' } : null
}
