/**
 * The contract between the server and whatever computes rewards. Sequences go in, outputs of the heads come back,
 * nothing else: no hidden state crosses it. Training has an engine of its own, with the same contract but for what comes
 * back (`StateOutputs`).
 */
import type { ArmormError } from '../errors.js'

/** One conversation of a batch. */
export interface EngineSequence {
  /** `[tokens]` token ids, tokens >= 1; the reward is read at the last one. */
  readonly ids: Int32Array
  /** Index in `ids` where the gating network reads the prompt's state; 0 <= gateIndex < ids.length. */
  readonly gateIndex: number
}

/** Outputs of the heads for a batch of N sequences over K objectives; row-major float32. */
export interface HeadOutputs {
  /** `[N, K]` raw outputs of the regression layer. */
  readonly ratings: Float32Array
  /** `[N, K]` gating weights after softmax and logit scale; a row sums to the logit scale. */
  readonly gating: Float32Array
  /** `[N, K]` ratings after the reward transform (verbosity taken out). */
  readonly adjusted: Float32Array
  /** `[N]` sum over objectives of gating weight times adjusted rating. */
  readonly score: Float32Array
}

/** Hidden states of a batch of N sequences, after the final norm; row-major float32. */
export interface StateOutputs {
  /** `[N, hidden]` at the last token, which closes the answer. */
  readonly responseStates: Float32Array
  /** `[N, hidden]` at the gate position. */
  readonly promptStates: Float32Array
}

/** What an engine may compute of a batch: arrays of N rows each. */
export type Outputs = HeadOutputs | StateOutputs

/** What one call of `run` brings. */
export type RunOutputs<O extends Outputs = HeadOutputs> = O & {
  /** Places in the batch that have no answer (NaN stands there), and why: on their own, or unwanted meanwhile. */
  readonly refused?: ReadonlyMap<number, ArmormError>
  /** It ran more than once, or a restart kept it waiting: its time says nothing of the engine's speed. */
  readonly interrupted?: true
}

export type ExecutionProvider = 'cpu' | 'cuda'

export type EngineState = 'starting' | 'ready' | 'restarting' | 'stopped' | 'failed'

/**
 * What went wrong with the engine: its process ended by itself (exit) or by a signal, did not answer (hang), lost its
 * channel or wrote into it what is no message, said that a run failed, sent what is no answer (bad_reply), did not load again, or loaded and failed the
 * self-test.
 */
export type EngineFault = (typeof ENGINE_FAULTS)[number]
export const ENGINE_FAULTS = [
  'exit',
  'signal',
  'hang',
  'channel',
  'run_failed',
  'bad_reply',
  'load_failed',
  'self_test'
] as const

export interface EngineHealth {
  readonly state: EngineState
  /** Times the engine was restarted after a fault. */
  readonly restarts: number
  /** While it restarts: milliseconds until it should be ready, as its latest start took. */
  readonly returnsInMs?: number
}

/** What a warm-up measured. */
export interface EngineCapacity {
  /** Distinct tokens of a batch beyond which a larger one is no faster per token. */
  readonly targetTokens: number
  /** Distinct tokens per second of such a batch. */
  readonly tokensPerSecond: number
}

/** Batches that the engine's process has at a time: one that it runs, and one that it finds in its pipe when that one ends. */
export const ENGINE_DEPTH = 2

export type OnRunFailure = (rows: readonly number[], reason: EngineFault) => void

export interface Engine<O extends Outputs = HeadOutputs> {
  /** Loads the model; resolves once batches can run. @throws ArmormError of the start-up kind. */
  load(): Promise<void>
  /**
   * Runs one batch. Calls may overlap; they run one after another and are answered in order. A batch on which the engine
   * fails is tried once more, then in halves: what fails alone is refused, the rest is answered.
   * @param wanted - whether anybody still waits for the sequence at a place of the batch; what nobody waits for when its
   *   turn comes, or comes again, is refused with client_closed
   * @param onFailure - told of each run that failed, with the places in the batch that were in it
   * @throws ArmormError when no sequence has an answer, and all for one reason: engine_failed, client_closed,
   *   engine_unavailable (not loaded, stopping, keeps failing)
   */
  run(
    batch: readonly EngineSequence[],
    wanted?: (row: number) => boolean,
    onFailure?: OnRunFailure
  ): Promise<RunOutputs<O>>
  health(): EngineHealth
  /** What was measured when it was loaded; null if nothing was. */
  capacity(): EngineCapacity | null
  /** Finishes the run in progress, refuses what waits, ends the process. Safe to call twice. */
  close(): Promise<void>
}
