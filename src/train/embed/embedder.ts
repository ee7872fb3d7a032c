/** Hidden states of rows, in their order, computed by a bundle's backbone in batches. */
import type { Bundle } from '../../bundle/load.js'
import { exactTokensOf } from '../../bundle/manifest.js'
import { inOrder } from '../../data/in-order.js'
import { ENGINE_DEPTH, type EngineSequence } from '../../engine/contract.js'
import { StateEngine } from '../../engine/supervisor.js'
import { ArmormError } from '../../errors.js'
import { promptKey } from '../../scheduling/prompt-key.js'
import { bundleTokenizer } from '../../scoring/bundle-tokenizer.js'
import { isItemError } from '../../scoring/reward.js'
import type { TokenizerPool } from '../../text/pool.js'
import type { TrainRow } from './train-row.js'

/** Rows that are tokenized ahead of the engine. */
const TOKENIZED_AHEAD = 256
/** Batches like those of the server. */
const BATCH_TOKENS = 8192
const BATCH_SEQUENCES = 64
/** Longest time to tokenize one conversation. */
const TOKENIZER_DEADLINE_MS = 60_000

export interface EmbedderOptions {
  readonly bundle: Bundle
  /** Threads of the engine. */
  readonly threads: number
  /** Longest conversation; longer prompts are cut from the left. */
  readonly maxTokens: number
}

/** States of a row, one after another of its responses. */
export interface RowStates {
  /** `[hidden]` of each response */
  readonly responseStates: readonly Float32Array[]
  /** `[hidden]` at the gate position. */
  readonly promptState: Float32Array
  /** Tokens of each response, the closing one included. */
  readonly responseTokens: readonly number[]
}

export interface EmbeddedItem {
  readonly row: TrainRow
  /** Or why there are none. */
  readonly states: RowStates | ArmormError
  /** Tokens that the engine was given for the row; those that share a prompt in a batch count it once. */
  readonly tokens: number
}

interface Tokenized {
  readonly row: TrainRow
  readonly sequences: readonly EngineSequence[]
  readonly responseTokens: readonly number[]
}

type Refused = Pick<EmbeddedItem, 'row'> & { readonly states: ArmormError }

export class Embedder {
  readonly #tokenizer: TokenizerPool
  readonly #engine: StateEngine
  readonly #hidden: number

  private constructor(tokenizer: TokenizerPool, engine: StateEngine, hidden: number) {
    this.#tokenizer = tokenizer
    this.#engine = engine
    this.#hidden = hidden
  }

  /**
   * Starts tokenizer workers and the engine.
   * @throws ArmormError invalid_config when the bundle has no tokenizer; what keeps the bundle from being loaded
   */
  static async start({ bundle, threads, maxTokens }: EmbedderOptions): Promise<Embedder> {
    const { folder, manifest } = bundle
    if (!manifest.tokenizer) throw new ArmormError('invalid_config', `${folder} has no tokenizer: it cannot embed text`)
    const { hidden_size: hidden } = manifest.backbone
    const deadlineMs = TOKENIZER_DEADLINE_MS
    const tokenizer = await bundleTokenizer(bundle, { threads: Math.min(2, threads), deadlineMs, maxTokens })
    const exactTokens = exactTokensOf(manifest)
    const engine = new StateEngine({ folder, provider: 'cpu', threads, exactTokens, hidden })
    const embedder = new Embedder(tokenizer, engine, hidden)
    try {
      await engine.load()
    } catch (error) {
      await embedder.close()
      throw error
    }
    return embedder
  }

  async close(): Promise<void> {
    await Promise.all([this.#engine.close(), this.#tokenizer.close()])
  }

  /**
   * States of rows in their order; rows of one prompt should be side by side, as a batch computes a prompt once.
   * @throws ArmormError engine_unavailable when the engine keeps failing; whatever `rows` throws
   */
  async *embed(rows: AsyncIterable<TrainRow>): AsyncGenerator<EmbeddedItem> {
    // One more than the engine has, so that it finds the next in its queue.
    const ahead = ENGINE_DEPTH + 1
    for await (const items of inOrder(this.#batches(rows), ahead, (batch) => this.#run(batch))) yield* items
  }

  async *#batches(rows: AsyncIterable<TrainRow>): AsyncGenerator<Batch> {
    let batch = new Batch()
    for await (const next of inOrder(rows, TOKENIZED_AHEAD, (row) => this.#tokenize(row))) {
      if (!batch.takes(next)) {
        yield batch
        batch = new Batch()
      }
      batch.add(next)
    }
    if (batch.rows.length > 0) yield batch
  }

  async #tokenize(row: TrainRow): Promise<Tokenized | Refused> {
    try {
      const tokenized = await Promise.all(
        row.responses.map((content) => {
          const messages = [...row.prompt, { role: 'assistant', content }]
          return this.#tokenizer.encode({ kind: 'messages', messages }, 'prompt_left')
        })
      )
      return {
        row,
        sequences: tokenized.map(({ ids, gateIndex }) => ({ ids, gateIndex })),
        responseTokens: tokenized.map(({ ids, promptTokens }) => ids.length - promptTokens)
      }
    } catch (error) {
      if (isItemError(error)) return { row, states: error }
      throw error
    }
  }

  async #run({ rows }: Batch): Promise<EmbeddedItem[]> {
    const sequences = rows.flatMap((row) => ('sequences' in row ? row.sequences : []))
    const refusals = new Map<number, ArmormError>()
    let outputs: { responseStates: Float32Array; promptStates: Float32Array } | undefined
    if (sequences.length > 0) {
      try {
        const run = await this.#engine.run(sequences)
        for (const [place, error] of run.refused ?? []) refusals.set(place, error)
        outputs = run
      } catch (error) {
        if (!(error instanceof ArmormError) || error.code !== 'engine_failed') throw error
        sequences.forEach((_, place) => refusals.set(place, error))
      }
    }
    const state = (values: Float32Array, place: number) =>
      values.subarray(place * this.#hidden, (place + 1) * this.#hidden)
    let place = 0
    let before: Tokenized | undefined
    return rows.map((item) => {
      if (!('sequences' in item)) return { ...item, tokens: 0 }
      const { row, sequences: own, responseTokens } = item
      const places = own.map(() => place++)
      const tokens = distinctTokens(own, before)
      before = item
      const refusal = places.map((each) => refusals.get(each)).find((error) => error !== undefined)
      if (refusal) return { row, states: refusal, tokens }
      const responseStates = places.map((each) => state(outputs!.responseStates, each))
      const promptState = state(outputs!.promptStates, places[0]!)
      if (![...responseStates, promptState].every((values) => values.every(Number.isFinite))) {
        const error = new ArmormError('non_finite', 'the model produced a value that is not a finite number')
        return { row, states: error, tokens }
      }
      return { row, states: { responseStates, promptState, responseTokens }, tokens }
    })
  }
}

/** Rows that run together. */
class Batch {
  readonly rows: (Tokenized | Refused)[] = []
  #tokens = 0
  #sequences = 0
  #last: Tokenized | undefined

  /** Whether there is room; the first row always has it. */
  takes(item: Tokenized | Refused): boolean {
    if (!('sequences' in item)) return this.rows.length < BATCH_SEQUENCES
    if (this.#sequences === 0) return true
    return (
      this.#sequences + item.sequences.length <= BATCH_SEQUENCES &&
      this.#tokens + distinctTokens(item.sequences, this.#last) <= BATCH_TOKENS
    )
  }

  add(item: Tokenized | Refused): void {
    this.rows.push(item)
    if (!('sequences' in item)) return
    this.#tokens += distinctTokens(item.sequences, this.#last)
    this.#sequences += item.sequences.length
    this.#last = item
  }
}

/** Tokens of a row's sequences, a prompt that they share, or share with the row before, counted once. */
function distinctTokens(sequences: readonly EngineSequence[], before: Tokenized | undefined): number {
  let last = before?.sequences.at(-1)
  let sum = 0
  for (const sequence of sequences) {
    const shared = last !== undefined && promptOf(last) === promptOf(sequence)
    sum += sequence.ids.length - (shared ? sequence.gateIndex + 1 : 0)
    last = sequence
  }
  return sum
}

const promptOf = ({ ids, gateIndex }: EngineSequence): number => promptKey(ids, gateIndex + 1)
