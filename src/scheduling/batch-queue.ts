/** Requests that arrive together run together: a queue in front of the engine. */
import {
  type Engine,
  ENGINE_DEPTH,
  type EngineFault,
  type EngineSequence,
  type HeadOutputs
} from '../engine/contract.js'
import { ArmormError } from '../errors.js'
import { type BatchLimits, type Plan, planBatch } from './plan-batch.js'
import { Queued, WaitingLane } from './queued.js'
import type { BatchRun, CallerState, HeadValues, RatedSequence } from './rated-sequence.js'
import { TokenRate } from './token-rate.js'

/** A batch that ended. */
export interface BatchInfo {
  readonly sequences: number
  readonly tokens: number
  /** Tokens with those of a prompt that several of its conversations share counted once. */
  readonly distinctTokens: number
  readonly runMs: number
  readonly failed: boolean
}

export interface BatchQueueOptions {
  /** Number of objectives, K. */
  readonly objectives: number
  /** Distinct tokens of a batch at most; a longer conversation runs alone. */
  readonly maxBatchTokens: number
  readonly maxBatchSequences: number
  readonly onBatch?: (info: BatchInfo) => void
  /** Told of each conversation that was not run because nobody waited for it any more. */
  readonly onDrop?: (why: 'gone' | 'expired') => void
  /** Clock in milliseconds, that of the callers' deadlines. */
  readonly now?: () => number
}

/** How many batches of the largest size later arrivals may go before a conversation, all together. */
const REACH_BATCHES = 8
/** What misses this batch and the one after, which may be planned already, is answered some three batches from now. */
const URGENT_BATCHES = 3
/**
 * The batch behind the one that runs is planned when that one is expected to need no longer than this: the later, the
 * more siblings have come. In milliseconds, and as a part of the whole.
 */
const LEAD_MS = 20
const LEAD_PART = 0.25

/** Batches of the process, whatever model they ran on. */
let batches = 0

/** A batch that the engine has. */
interface Handed {
  /** Distinct tokens. */
  readonly tokens: number
  /** Tokens of its conversations. */
  readonly allTokens: number
  readonly at: number
}

export class BatchQueue {
  readonly #engine: Engine
  readonly #options: BatchQueueOptions
  readonly #now: () => number
  readonly #rate: TokenRate
  readonly #servedRate: TokenRate
  readonly #interactive = new WaitingLane()
  readonly #bulk = new WaitingLane()
  /** Tokens that bulk work is behind its share. */
  #owed = 0
  /** In the order in which the engine runs them. */
  readonly #handed: Handed[] = []
  #lastEnd = -Infinity
  #woken = false
  #sweeping = false
  #roomListener: () => void = () => {}
  #preparing: NodeJS.Timeout | undefined
  #closed = false

  /** @param engine - loaded: what it measured of itself is read once. */
  constructor(engine: Engine, options: BatchQueueOptions) {
    this.#engine = engine
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#rate = new TokenRate(engine.capacity())
    this.#servedRate = new TokenRate(engine.capacity())
  }

  /** Sequences that wait for a batch. */
  get depth(): number {
    return this.waiting(false).conversations + this.waiting(true).conversations
  }

  /** Tokens of the sequences that wait. */
  get queuedTokens(): number {
    return this.#interactive.tokens + this.#bulk.tokens
  }

  /** What waits with one priority. */
  waiting(bulk: boolean): { readonly tokens: number; readonly conversations: number } {
    const { tokens, items } = this.#laneOf(bulk)
    return { tokens, conversations: items.length }
  }

  /** Tokens of the sequences that the engine has, all of them counted as long as their batch is not done. */
  get handedTokens(): number {
    return this.#handed.reduce((sum, { allTokens }) => sum + allTokens, 0)
  }

  /** Distinct tokens up to which a batch is filled. */
  get targetTokens(): number {
    const { maxBatchTokens } = this.#options
    return Math.min(this.#engine.capacity()?.targetTokens ?? maxBatchTokens, maxBatchTokens)
  }

  /** Distinct tokens per second of the latest batches; 0 while nothing is known. */
  get tokensPerSecond(): number {
    return this.#rate.perSecond
  }

  /** Tokens of conversations per second, shared prompts counted in each: how fast the queue gets shorter. */
  get servedPerSecond(): number {
    return this.#servedRate.perSecond
  }

  /** Milliseconds for which nothing will run: the engine restarts. */
  get stalledMs(): number {
    return this.#engine.health().returnsInMs ?? 0
  }

  /** `listener` hears when something has left the queue. */
  onRoom(listener: () => void): void {
    this.#roomListener = listener
  }

  /**
   * @param caller - once it has gone, or its deadline has passed, the sequence is dropped: when its turn comes, or after
   *   `callerLeft`.
   * @throws ArmormError engine_failed, engine_unavailable, shutting_down, deadline_exceeded; the reason of `caller`
   */
  rate(sequence: EngineSequence, caller?: CallerState): Promise<RatedSequence> {
    if (this.#closed) return Promise.reject(shuttingDown())
    return new Promise((resolve, reject) => {
      const item = new Queued(sequence, caller, this.#now(), resolve, reject)
      this.#laneOf(item.bulk).push(item)
      this.#wake()
    })
  }

  /** A caller has gone or is out of time: what nobody waits for any more makes room, at the end of this turn. */
  callerLeft(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    setImmediate(() => {
      this.#sweeping = false
      for (const lane of [this.#interactive, this.#bulk]) {
        for (const item of lane.sift((each) => this.#wanted(each))) this.#drop(item)
      }
      this.#roomListener()
    })
  }

  /** Takes no more work and refuses what waits; batches that the engine has end by themselves. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#preparing)
    for (const lane of [this.#interactive, this.#bulk]) {
      for (const { reject } of lane.sift(() => false)) reject(shuttingDown())
    }
    this.#roomListener()
  }

  #laneOf(bulk: boolean): WaitingLane {
    return bulk ? this.#bulk : this.#interactive
  }

  /** Plans at the end of this turn of the event loop, so that what arrives in it goes along. */
  #wake(): void {
    if (this.#woken) return
    this.#woken = true
    setImmediate(() => {
      this.#woken = false
      this.#handOver()
    })
  }

  /** Gives the engine a batch when it has none, and a full one ahead when one runs. */
  #handOver(): void {
    this.#promote()
    while (this.depth > 0 && this.#handed.length < ENGINE_DEPTH && this.#due()) {
      const waiting = { interactive: this.#interactive.items, bulk: this.#bulk.items }
      const plan = planBatch(waiting, this.#limits(), this.#now(), this.#owed)
      // A batch that is not full waits for company as long as the engine has something to do.
      if (this.#handed.length > 0 && !plan.full) return
      this.#owed = plan.owed
      this.#interactive.keep(plan.rest.interactive)
      this.#bulk.keep(plan.rest.bulk)
      for (const item of plan.dropped) this.#drop(item)
      if (plan.batch.length > 0) void this.#run(plan)
      this.#roomListener()
    }
  }

  /** Bulk work that an interactive request has joined goes with those. */
  #promote(): void {
    for (const item of this.#bulk.sift((each) => each.bulk)) this.#interactive.push(item)
  }

  #limits(): BatchLimits {
    const { maxBatchTokens: maxTokens, maxBatchSequences: maxSequences } = this.#options
    const { targetTokens } = this
    const urgentMs = URGENT_BATCHES * this.#expectedMs(targetTokens)
    return { targetTokens, maxTokens, maxSequences, reach: REACH_BATCHES * maxTokens, urgentMs }
  }

  /** Milliseconds that so many tokens are expected to take; 0 while nothing is known. */
  #expectedMs(tokens: number): number {
    const { perSecond } = this.#rate
    return perSecond > 0 ? (1000 * tokens) / perSecond : 0
  }

  /** Whether to plan a batch now; if not yet, it is seen to that it will be. */
  #due(): boolean {
    const [running] = this.#handed
    if (!running) return true
    const expected = this.#expectedMs(running.tokens)
    const lead = Math.max(LEAD_MS, LEAD_PART * expected)
    const pause = this.#began(running) + expected - lead - this.#now()
    if (pause <= 0) return true
    clearTimeout(this.#preparing)
    this.#preparing = setTimeout(() => this.#handOver(), pause)
    return false
  }

  /** When the engine began with a batch: at once, or when the one before ended. */
  #began(batch: Handed): number {
    return Math.max(batch.at, this.#lastEnd)
  }

  async #run({ batch, tokens: distinctTokens }: Plan<Queued>): Promise<void> {
    const tokens = batch.reduce((sum, item) => sum + item.tokens, 0)
    const oldest = batch.reduce((first, { since }) => Math.min(first, since), Infinity)
    const handed = { tokens: distinctTokens, allTokens: tokens, at: this.#now() }
    const id = ++batches
    const failures: { at: number; rows: readonly number[]; reason: EngineFault }[] = []
    this.#handed.push(handed)
    const ended = (failed: boolean, undisturbed = false): BatchRun => {
      const began = this.#began(handed)
      const backlogSince = Math.max(this.#lastEnd, oldest)
      this.#lastEnd = this.#now()
      const runMs = this.#lastEnd - began
      this.#handed.splice(this.#handed.indexOf(handed), 1)
      clearTimeout(this.#preparing)
      if (undisturbed) {
        this.#rate.add(distinctTokens, runMs)
        // Pauses between batches count, as long as something waited; small batches say nothing of a queue that is long.
        const large = 2 * distinctTokens >= this.targetTokens
        if (large) this.#servedRate.add(tokens, this.#lastEnd - backlogSince)
      }
      this.#options.onBatch?.({ sequences: batch.length, tokens, distinctTokens, runMs, failed })
      return { id, began, ended: this.#lastEnd, sequences: batch.length, tokens, distinctTokens, failures }
    }
    try {
      const sequences = batch.map(({ sequence }) => sequence)
      const outputs = await this.#engine.run(
        sequences,
        (row) => this.#wanted(batch[row]!),
        (rows, reason) => failures.push({ at: this.#now(), rows, reason })
      )
      const run = ended(false, !outputs.interrupted)
      batch.forEach((item, row) => {
        const refusal = outputs.refused?.get(row)
        if (refusal) return this.#refuse(item, refusal, run, row)
        item.caller?.ran?.(run, { row, tokens: item.tokens, refused: false })
        const times = { queueMs: run.began - item.since, runMs: run.ended - run.began }
        item.resolve({ ...this.#row(outputs, row), origin: 'run', batchSize: batch.length, ...times })
      })
    } catch (error) {
      const run = ended(true)
      batch.forEach((item, row) => this.#refuse(item, error, run, row))
    }
    this.#handOver()
  }

  #wanted(item: Queued): boolean {
    return !item.gone && item.deadline > this.#now()
  }

  #drop(item: Queued): void {
    const why = item.drop()
    this.#options.onDrop?.(why)
  }

  /** The engine did not answer: for a reason of its own, or because nobody waited any more. */
  #refuse(item: Queued, error: unknown, run: BatchRun, row: number): void {
    const code = error instanceof ArmormError ? error.code : null
    if (code === 'engine_failed') item.caller?.ran?.(run, { row, tokens: item.tokens, refused: true })
    const notRun = code === 'client_closed' || code === 'engine_unavailable'
    if (notRun && !this.#wanted(item)) this.#drop(item)
    // Somebody has joined it since the engine left it out.
    else if (code === 'client_closed' && !this.#closed) item.lane?.restore(item)
    else item.reject(code === 'client_closed' ? shuttingDown() : error)
  }

  #row(outputs: HeadOutputs, row: number): HeadValues {
    const from = row * this.#options.objectives
    const to = from + this.#options.objectives
    return {
      ratings: outputs.ratings.slice(from, to),
      gating: outputs.gating.slice(from, to),
      adjusted: outputs.adjusted.slice(from, to),
      score: outputs.score[row]!
    }
  }
}

function shuttingDown(): ArmormError {
  return new ArmormError('shutting_down', 'the server is shutting down')
}
