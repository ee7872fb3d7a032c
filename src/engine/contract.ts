/**
 * The contract between the server and whatever computes rewards. Sequences go in, outputs of the heads come back,
 * nothing else: no hidden state crosses it.
 */

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

export type ExecutionProvider = 'cpu' | 'cuda'

export type EngineState = 'starting' | 'ready' | 'restarting' | 'stopped' | 'failed'

export interface EngineHealth {
  readonly state: EngineState
  /** Times the engine was restarted after a fault. */
  readonly restarts: number
}

/** What a warm-up measured. */
export interface EngineCapacity {
  /** Distinct tokens of a batch beyond which a larger one is no faster per token. */
  readonly targetTokens: number
  /** Distinct tokens per second of such a batch. */
  readonly tokensPerSecond: number
}

export interface Engine {
  /** Loads the model; resolves once batches can run. @throws ArmormError of the start-up kind. */
  load(): Promise<void>
  /**
   * Runs one batch. Calls may overlap; they run one after another and are answered in order.
   * @throws ArmormError engine_failed (failed twice), engine_unavailable (not loaded, stopping).
   */
  run(batch: readonly EngineSequence[]): Promise<HeadOutputs>
  health(): EngineHealth
  /** What was measured when it was loaded; null if nothing was. */
  capacity(): EngineCapacity | null
  /** Finishes the run in progress, refuses what waits, ends the process. Safe to call twice. */
  close(): Promise<void>
}
