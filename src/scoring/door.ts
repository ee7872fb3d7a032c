/** What lets requests in: finds out what of a request has to be computed, roughly before it is tokenized, then exactly. */
import type { EngineSequence } from '../engine/contract.js'
import { ArmormError } from '../errors.js'
import type { Admission, Entrant, Need, Ticket } from '../scheduling/admission.js'
import type { BatchRun, CallerState, RunPlace } from '../scheduling/rated-sequence.js'
import type { Conversation, Truncation } from '../text/conversation.js'
import type { RememberedTokens } from './remembered-tokens.js'
import type { RewardCache } from './reward-cache.js'
import type { Caller, Protocol } from './scorer.js'

export interface DoorOptions {
  readonly admission: Admission
  readonly tokens: Pick<RememberedTokens, 'recall'>
  readonly cache: Pick<RewardCache, 'cost'>
  /** What keeps work that nobody waits for any more. */
  readonly queue: { callerLeft(): void }
  /** Longest conversation, in tokens. */
  readonly maxTokens: number
  /** Tokens of a request's conversations together; 0: however many. */
  readonly maxRequestTokens: number
  /** Contracts whose requests are bulk work where they do not say otherwise. */
  readonly bulk: ReadonlySet<Protocol>
}

/** How a request came. */
export interface Asking {
  readonly protocol: Protocol
  readonly truncation: Truncation
  readonly caller?: Caller | undefined
  /** Seconds that its client waits for a reply where a refusal would end its run; left out: it is refused. */
  readonly patience?: number | undefined
}

/** A request that was let in. */
export interface Pass extends Pick<Ticket, 'release'> {
  /** Who waits, with the priority that this request has. */
  readonly caller: CallerState | undefined
  /** @throws ArmormError too_many_tokens, overloaded, exceeds_queue; the reason of the caller */
  settle(sequences: readonly EngineSequence[]): Promise<void>
}

/** Characters of a token, about: English has more, most other languages fewer. */
const CHARACTERS = 4
/** JavaScript holds texts in one or two bytes a character. */
const BYTES = 2

export class Door {
  readonly #options: DoorOptions

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /**
   * Lets a request in, as a whole or not at all. What is remembered or under way already needs no room.
   * @throws ArmormError overloaded, exceeds_queue; the reason of the caller
   */
  async enter(works: readonly (Conversation | ArmormError)[], asking: Asking): Promise<Pass> {
    const { admission, cache, bulk: bulkContracts } = this.#options
    const { caller, patience } = asking
    const timeline = caller?.timeline
    const conversations = works.filter((work) => 'kind' in work)
    const characters = conversations.map(charactersOf)
    const bulk = caller?.priority ? caller.priority === 'bulk' : bulkContracts.has(asking.protocol)
    const entrant: Entrant = {
      bulk,
      deadline: caller?.deadline ?? Infinity,
      patientUntil: patience === undefined ? null : performance.now() + 1000 * patience,
      bytes: BYTES * characters.reduce((sum, count) => sum + count, 0),
      signal: caller?.signal,
      onStood: timeline && ((from, to) => timeline.stood(from, to))
    }
    const rough = characters.map((count) => Math.min(Math.ceil(count / CHARACTERS), this.#options.maxTokens))
    const guess = { tokens: rough.reduce((sum, tokens) => sum + tokens, 0), conversations: rough.length }
    const need = admission.hasRoom(guess, entrant) ? guess : this.#need(conversations, rough, asking.truncation)
    const ticket = await admission.enter(need, entrant)
    return {
      caller: bulk && caller ? new BulkCaller(caller) : caller,
      settle: async (sequences) => {
        this.#requireModest(sequences)
        await ticket.settle(cache.cost(sequences))
      },
      release: () => ticket.release()
    }
  }

  /** A caller has gone: its work makes room. */
  left(): void {
    this.#options.queue.callerLeft()
  }

  /** @throws ArmormError too_many_tokens */
  #requireModest(sequences: readonly EngineSequence[]): void {
    const { maxRequestTokens: limit } = this.#options
    if (limit === 0) return
    const tokens = sequences.reduce((sum, { ids }) => sum + ids.length, 0)
    if (tokens <= limit) return
    const message = `the conversations have ${tokens} tokens together, and a request may have ${limit} (--max-request-tokens)`
    throw new ArmormError('too_many_tokens', message, { tokens, limit })
  }

  /** Of texts that were tokenized before, exactly what they need. */
  #need(conversations: readonly Conversation[], rough: readonly number[], truncation: Truncation): Need {
    const { tokens, cache } = this.#options
    const known: EngineSequence[] = []
    const unknown: number[] = []
    conversations.forEach((conversation, i) => {
      const recalled = tokens.recall(conversation, truncation)
      if (recalled) known.push(recalled)
      else unknown.push(rough[i]!)
    })
    const cost = cache.cost(known)
    return {
      tokens: cost.tokens + unknown.reduce((sum, count) => sum + count, 0),
      conversations: cost.conversations + unknown.length
    }
  }
}

/** The same caller, with the priority of this request. */
class BulkCaller implements CallerState {
  readonly bulk = true
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  get aborted(): boolean {
    return this.#caller.aborted
  }

  get reason(): unknown {
    return this.#caller.reason
  }

  get deadline(): number {
    return this.#caller.deadline ?? Infinity
  }

  ran(run: BatchRun, place: RunPlace): void {
    this.#caller.ran?.(run, place)
  }
}

/** Characters to tokenize; of ids, as many as would give so many tokens. */
function charactersOf(conversation: Conversation): number {
  if (conversation.kind === 'ids') return CHARACTERS * conversation.ids.length
  if (conversation.kind === 'text') return conversation.text.length
  // What is no text is refused by the tokenizer.
  return conversation.messages.reduce((sum, { content }) => sum + (typeof content === 'string' ? content.length : 0), 0)
}
