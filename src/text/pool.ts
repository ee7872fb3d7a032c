/** Tokenizes in worker threads, so that no text, however bad, holds the server's event loop. */
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { ArmormError } from '../errors.js'
import type { Conversation, TokenizedConversation, Truncation } from './conversation.js'
import type { Outcome, WorkerMessage, WorkerSetup, WorkerTask } from './pool-worker.js'
import { encodeIds, type TokenLimits } from './token-ids.js'

export interface TokenizerPoolOptions extends TokenLimits {
  /** Folder with tokenizer.json. */
  readonly folder: string
  /** False for a bundle without tokenizer: then there are no workers, and only `ids` can be encoded. */
  readonly hasTokenizer: boolean
  /** Worker threads; each holds its own tokenizer (some 220 MB with a vocabulary of 128,000). */
  readonly threads: number
  /** Longest time in milliseconds that one conversation may take, counted from when a worker starts on it. */
  readonly deadlineMs: number
}

/** More characters than this for each allowed token cannot fit (runs of spaces aside) and are not even tried. */
export const CHARACTERS_PER_TOKEN = 64

export class TokenizerPool {
  readonly #options: TokenizerPoolOptions
  readonly #workers: Piscina<WorkerTask, Outcome<TokenizedConversation>> | null
  /** What to do when a worker reports that it starts on a task. */
  readonly #onStart = new Map<number, () => void>()
  #bosId: number | null = null
  #closed = false
  #tasks = 0

  private constructor(options: TokenizerPoolOptions) {
    this.#options = options
    this.#workers = options.hasTokenizer ? startWorkers(options) : null
  }

  /**
   * Starts the workers and waits until all have loaded the tokenizer.
   * @throws ArmormError bundle_missing, bundle_invalid when the tokenizer does not load.
   */
  static async create(options: TokenizerPoolOptions): Promise<TokenizerPool> {
    const pool = new TokenizerPool(options)
    try {
      await pool.#warm()
    } catch (error) {
      await pool.close()
      throw error
    }
    return pool
  }

  /**
   * Tokenizes a conversation as TextModel.encode does; ids are checked here, without a worker.
   * @throws ArmormError those of TextModel.encode; text_too_large for far too many characters or a missed deadline;
   *   no_tokenizer for text and messages when the bundle has none; shutting_down after close().
   */
  async encode(conversation: Conversation, truncation: Truncation): Promise<TokenizedConversation> {
    if (this.#closed) throw shuttingDown()
    if (conversation.kind === 'ids') return encodeIds(conversation.ids, this.#options, truncation, this.#bosId)
    if (this.#workers === null) {
      throw new ArmormError('no_tokenizer', 'the bundle has no tokenizer; send `input_ids`')
    }
    if (truncation === 'none') refuseOversized(conversation, this.#options.maxTokens)

    const number = this.#tasks++
    const deadline = new AbortController()
    let timer: NodeJS.Timeout | undefined
    this.#onStart.set(number, () => {
      timer = setTimeout(() => deadline.abort(), this.#options.deadlineMs)
    })
    try {
      const outcome = await this.#workers.run({ number, conversation, truncation }, { signal: deadline.signal })
      if ('error' in outcome) throw ArmormError.from(outcome.error)
      return outcome.value
    } catch (error) {
      throw this.#explained(error, deadline.signal.aborted)
    } finally {
      clearTimeout(timer)
      this.#onStart.delete(number)
    }
  }

  /** Ends the workers; what they were at is refused with shutting_down. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#workers?.destroy()
  }

  async #warm(): Promise<void> {
    const workers = this.#workers
    if (workers === null) return
    let missing = this.#options.threads
    // Piscina's idle workers do not keep the process alive, and while loading they count as idle.
    const alive = setInterval(() => {}, 1000)
    await new Promise<void>((resolve, reject) => {
      // A worker that dies outside a task is replaced; while the pool starts, it is the reason not to start.
      workers.on('error', reject)
      workers.on('message', (message: WorkerMessage) => {
        if (message.kind === 'started') {
          this.#onStart.get(message.task)?.()
          return
        }
        const { outcome } = message
        if ('error' in outcome) reject(ArmormError.from(outcome.error))
        else this.#bosId = outcome.value.bosId
        if (--missing === 0) resolve()
      })
    }).finally(() => clearInterval(alive))
  }

  #explained(error: unknown, aborted: boolean): unknown {
    if (error instanceof ArmormError) return error
    if (this.#closed) return shuttingDown()
    if (aborted) {
      const { deadlineMs } = this.#options
      const message = `tokenizing took longer than ${deadlineMs} ms`
      return new ArmormError('text_too_large', message, { deadline_ms: deadlineMs })
    }
    if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return new ArmormError('text_too_large', 'tokenizing took more memory than a worker has', {}, error)
    }
    return new ArmormError('internal', 'tokenizing failed', {}, error)
  }
}

function shuttingDown(): ArmormError {
  return new ArmormError('shutting_down', 'the tokenizer is shutting down')
}

function startWorkers({ folder, threads, maxTokens, vocabSize, gatePattern }: TokenizerPoolOptions) {
  const setup: WorkerSetup = { folder, limits: { maxTokens, vocabSize, gatePattern } }
  return new Piscina<WorkerTask, Outcome<TokenizedConversation>>({
    filename: fileURLToPath(new URL('./pool-worker.js', import.meta.url)),
    workerData: setup,
    minThreads: threads,
    maxThreads: threads,
    // Waiting on atomics would keep a worker from loading the tokenizer before its first task.
    atomics: 'disabled',
    recordTiming: false
  })
}

function refuseOversized(conversation: Exclude<Conversation, { kind: 'ids' }>, maxTokens: number): void {
  const characters =
    conversation.kind === 'text'
      ? conversation.text.length
      : conversation.messages.reduce((sum, { content }) => sum + (typeof content === 'string' ? content.length : 0), 0)
  const limit = maxTokens * CHARACTERS_PER_TOKEN
  if (characters > limit) {
    throw new ArmormError(
      'text_too_large',
      `the conversation has ${characters} characters; ${maxTokens} tokens hold ${limit} at most`,
      { characters, max_characters: limit, max_tokens: maxTokens }
    )
  }
}
