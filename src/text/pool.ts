/** Tokenizes in worker threads, so that no text, however bad, holds the server's event loop. */
import { ArmormError } from '../errors.js'
import type { Conversation, TokenizedConversation, Truncation } from './conversation.js'
import { CHUNK_CHARACTERS, Lane, type Work } from './lane.js'
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
  /** Bytes of earlier texts that each worker remembers; TextModel.load has the default. */
  readonly memoryBytes?: number
}

/** More characters than this for each allowed token cannot fit (runs of spaces aside) and are not even tried. */
export const CHARACTERS_PER_TOKEN = 64
/** How much of a text tells to which worker it goes. */
const KEY_CHARACTERS = 512

/** Work of the pool. */
interface Item extends Work {
  /** The worker that has probably met the same prompt before. */
  readonly home: Lane
  /** Where it was sent last; null while it waits. */
  lane: Lane | null
  settled: boolean
  readonly asker: Asker | undefined
}

/** Whoever wants something tokenized; an AbortSignal is one. Asked when the work's turn comes, never listened to. */
export interface Asker {
  readonly aborted: boolean
  /** What the work is rejected with once its asker has gone. */
  readonly reason: unknown
}

export class TokenizerPool {
  readonly #options: TokenizerPoolOptions
  readonly #lanes: readonly Lane[]
  /** Not sent yet, oldest first. */
  #waiting: Item[] = []
  #pumping = false
  #bosId: number | null = null
  #closed = false
  /** Hears, until all have loaded, how the workers fare. */
  #starting: { loaded(): void; failed(error: ArmormError): void } | null = null

  private constructor(options: TokenizerPoolOptions) {
    this.#options = options
    const { folder, maxTokens, vocabSize, gatePattern, memoryBytes, deadlineMs } = options
    const setup = { folder, limits: { maxTokens, vocabSize, gatePattern }, memoryBytes }
    const events = {
      room: (lane: Lane) => this.#fill(lane),
      slow: (lane: Lane, behind: readonly Work[]) => this.#again(lane, behind),
      ended: (lane: Lane, rest: readonly Work[]) => this.#again(lane, rest),
      loaded: (_lane: Lane, bosId: number | null) => {
        this.#bosId = bosId
        this.#starting?.loaded()
      },
      notLoaded: (_lane: Lane, error: ArmormError) => {
        this.#starting?.failed(error)
        // With no worker left nobody would answer.
        if (!this.#lanes.some(({ loaded }) => loaded)) this.#refuseAll(() => error)
      }
    }
    const threads = options.hasTokenizer ? options.threads : 0
    this.#lanes = Array.from({ length: threads }, () => new Lane(setup, deadlineMs, events))
  }

  /**
   * Starts the workers and waits until all have loaded the tokenizer.
   * @throws ArmormError bundle_missing, bundle_invalid when the tokenizer does not load.
   */
  static async create(options: TokenizerPoolOptions): Promise<TokenizerPool> {
    const pool = new TokenizerPool(options)
    try {
      await pool.#start()
    } catch (error) {
      await pool.close()
      throw error
    }
    return pool
  }

  /**
   * Tokenizes a conversation as TextModel.encode does; ids are checked here, without a worker. Conversations that are
   * given in one turn of the event loop go to the workers together, those with the same prompt to the same worker.
   * @param asker - once it has gone, what was not sent to a worker yet is given up.
   * @throws ArmormError those of TextModel.encode; text_too_large for far too many characters or a missed deadline;
   *   no_tokenizer for text and messages when the bundle has none; shutting_down after close(); the reason of `asker`.
   */
  async encode(conversation: Conversation, truncation: Truncation, asker?: Asker): Promise<TokenizedConversation> {
    if (this.#closed) throw shuttingDown()
    if (conversation.kind === 'ids') return encodeIds(conversation.ids, this.#options, truncation, this.#bosId)
    const home = this.#lanes[affinityOf(conversation) % this.#lanes.length]
    if (home === undefined) {
      throw new ArmormError('no_tokenizer', 'the bundle has no tokenizer; send `input_ids`')
    }
    const characters = charactersOf(conversation)
    if (truncation === 'none') refuseOversized(characters, this.#options.maxTokens)
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        task: { conversation, truncation },
        characters,
        home,
        lane: null,
        settled: false,
        asker,
        resolve(tokenized) {
          this.settled = true
          resolve(tokenized)
        },
        reject(error) {
          this.settled = true
          reject(error)
        }
      })
      this.#pumpSoon()
    })
  }

  /** Ends the workers; what they were at is refused with shutting_down. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true
    this.#refuseAll(shuttingDown)
    await Promise.all(
      this.#lanes.map(async (lane) => {
        for (const work of await lane.close()) work.reject(shuttingDown())
      })
    )
  }

  async #start(): Promise<void> {
    let missing = this.#lanes.length
    if (missing === 0) return
    await new Promise<void>((resolve, reject) => {
      const loaded = () => {
        if (--missing === 0) resolve()
      }
      this.#starting = { loaded, failed: reject }
    }).finally(() => (this.#starting = null))
  }

  /** Once a turn, so that what comes together is sent together. */
  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      for (const lane of this.#lanes) this.#fill(lane)
    })
  }

  /**
   * Gives a worker what is at home there, or at a worker that cannot take it; when there is nothing of the kind, the
   * others' surplus: a worker must not idle while another has more than a chunk before it.
   */
  #fill(lane: Lane): void {
    if (lane.room === 0 || this.#waiting.length === 0) return
    this.#waiting = this.#waiting.filter((item) => !item.settled && !leftAlone(item))
    if (this.#take(lane, ({ home }) => home === lane || !home.ready)) return
    const surplus = this.#waiting.reduce((sum, { characters }) => sum + characters, 0)
    if (surplus >= CHUNK_CHARACTERS) this.#take(lane, () => true)
  }

  /** Sends the oldest that fit; false when there are none. */
  #take(lane: Lane, suits: (item: Item) => boolean): boolean {
    let room = lane.room
    const taken: Item[] = []
    this.#waiting = this.#waiting.filter((item) => {
      // One that is larger than any room goes too, alone.
      const goes = suits(item) && (item.characters <= room || (taken.length === 0 && room > 0))
      if (goes) {
        taken.push(item)
        room -= item.characters
        item.lane = lane
      } else if (suits(item)) room = 0 // Nothing overtakes what has to wait.
      return !goes
    })
    lane.send(taken)
    return taken.length > 0
  }

  /** What was sent to a worker that is held up, or has ended, waits again, before all others. */
  #again(lane: Lane, works: readonly Work[]): void {
    const items = (works as readonly Item[]).filter((item) => !item.settled && item.lane === lane)
    for (const item of items) item.lane = null
    this.#waiting.unshift(...items)
    this.#pumpSoon()
  }

  #refuseAll(reason: () => ArmormError): void {
    for (const item of this.#waiting.splice(0)) item.reject(reason())
  }
}

/** Gives up what nobody wants any more. */
function leftAlone(item: Item): boolean {
  if (!item.asker?.aborted) return false
  item.reject(item.asker.reason as Error)
  return true
}

function shuttingDown(): ArmormError {
  return new ArmormError('shutting_down', 'the tokenizer is shutting down')
}

type Written = Exclude<Conversation, { kind: 'ids' }>

function charactersOf(conversation: Written): number {
  if (conversation.kind === 'text') return conversation.text.length
  return conversation.messages.reduce((sum, { content }) => sum + (typeof content === 'string' ? content.length : 0), 0)
}

/** A number that conversations with one prompt have in common: a hash (FNV-1a) of what stands before the answer. */
function affinityOf(conversation: Written): number {
  const prompt: unknown =
    conversation.kind === 'text' ? conversation.text : conversation.messages[conversation.messages.length - 2]?.content
  const key = typeof prompt === 'string' ? prompt.slice(0, KEY_CHARACTERS) : ''
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function refuseOversized(characters: number, maxTokens: number): void {
  const limit = maxTokens * CHARACTERS_PER_TOKEN
  if (characters > limit) {
    throw new ArmormError(
      'text_too_large',
      `the conversation has ${characters} characters; ${maxTokens} tokens hold ${limit} at most`,
      { characters, max_characters: limit, max_tokens: maxTokens }
    )
  }
}
