import type { EngineFault } from '../engine/contract.js'

/** Outputs of the heads for one sequence over K objectives. */
export interface HeadValues {
  /** Sum over objectives of gating weight times adjusted rating, as the heads computed it in float32. */
  readonly score: number
  /** `[K]` raw outputs of the regression layer. */
  readonly ratings: Float32Array
  /** `[K]` gating weights; they sum to the logit scale. */
  readonly gating: Float32Array
  /** `[K]` ratings after the reward transform. */
  readonly adjusted: Float32Array
}

/** What the heads said of one sequence, and how it got there. */
export interface RatedSequence extends HeadValues {
  /** Sequences in the batch that this one ran in; 0 from memory. */
  readonly batchSize: number
  /** Whether it ran for this request, joined the same work of another, or was answered from memory. */
  readonly origin: 'run' | 'joined' | 'cache'
  /** Milliseconds from arrival to the start of the batch. */
  readonly queueMs: number
  /** Milliseconds that the batch took. */
  readonly runMs: number
}

/** A batch that the engine has run. Times in milliseconds of `performance.now()`. */
export interface BatchRun {
  /** Counts the batches of the process. */
  readonly id: number
  readonly began: number
  readonly ended: number
  readonly sequences: number
  readonly tokens: number
  /** Tokens with those of a prompt that several of its conversations share counted once. */
  readonly distinctTokens: number
  /** Runs of all or some of its places that failed; what was in them ran again, unless it was alone. */
  readonly failures: readonly { readonly at: number; readonly rows: readonly number[]; readonly reason: EngineFault }[]
}

/** One conversation of a batch that has run. */
export interface RunPlace {
  /** Its place in the batch. */
  readonly row: number
  readonly tokens: number
  /** The engine fails on it. */
  readonly refused: boolean
}

/** Whether whoever asked still waits; an AbortSignal is one. Asked when the work's turn comes, never listened to. */
export interface CallerState {
  readonly aborted: boolean
  /** What the work is rejected with once its caller has gone. */
  readonly reason: unknown
  /** When the answer is no longer wanted, in milliseconds of `performance.now()`; left out: never. */
  readonly deadline?: number
  /** Whether other work may go first; left out: it is interactive. */
  readonly bulk?: boolean
  /** Told when a batch has run in which work of it was, before that work is answered. */
  ran?(run: BatchRun, place: RunPlace): void
}
