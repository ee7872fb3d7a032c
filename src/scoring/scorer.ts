/** The use case: conversations in, rewards out. */
import type { Manifest } from '../bundle/manifest.js'
import { ArmormError } from '../errors.js'
import type { EngineSequence } from '../engine/contract.js'
import type { Conversation, Truncation } from '../text/conversation.js'
import type { Asking, Door, Pass } from './door.js'
import type { ExplainStore } from './explain-store.js'
import { isFiniteReward } from './finite.js'
import type { CallerState, RatedSequence } from '../scheduling/rated-sequence.js'
import type { Rater, Tokenize } from './rater.js'
import type { Timeline } from './timeline.js'
import { isItemError, type Outcome, type Reward, type ScoringInput, type Timing, type Usage } from './reward.js'

/** Through which door a conversation came; a label of the metrics. */
export type Protocol =
  | 'score'
  | 'explain'
  | 'openrlhf'
  | 'llama-factory'
  | 'vllm'
  | 'sglang'
  | 'slime'
  | 'xtuner'
  | 'align-anything'
  | 'roll'
  | 'nemo-gym'
  | 'nemotron'
  | 'oip'
  | 'kserve'
  | 'tei'

/** Hears what happened to each conversation. */
export interface ScoringObserver {
  tokenized(milliseconds: number, usage: Usage): void
  /** @param manifest - of the model that rated it */
  rated(protocol: Protocol, reward: Reward, rated: RatedSequence, manifest: Manifest): void
  /** The caller's fault: nothing was run. */
  rejected(protocol: Protocol): void
  /** The server's fault. */
  failed(protocol: Protocol): void
  nonFinite(): void
}

export interface ScorerOptions {
  /** Of the model that `tokenizer` and `rater` belong to. */
  readonly manifest: Manifest
  readonly tokenizer: Tokenize
  readonly rater: Rater
  readonly store: ExplainStore
  readonly observer: ScoringObserver
  /** Refuses requests that there is no room for; left out: there always is. */
  readonly door?: Door
}

/** Whoever waits for scores. */
export interface Caller extends CallerState {
  /** What the request itself says of its urgency. */
  readonly priority?: 'interactive' | 'bulk' | undefined
  /** Aborted, with the reason, when nobody waits any more or the time is over. */
  readonly signal: AbortSignal
  /** Of a request that is traced. */
  readonly timeline?: Timeline
}

export interface ScoreOptions {
  readonly protocol: Protocol
  readonly truncation: Truncation
  /** `request`: one bad conversation refuses all. `item`: its error takes its place. */
  readonly onError: 'request' | 'item'
  /** Whether to keep the rewards for GET /explain. */
  readonly keep: boolean
  /** Once it has gone, or is out of time, what has not run is dropped. */
  readonly caller?: Caller
  /** Seconds that its client waits where a refusal would end its run; left out: what there is no room for is refused. */
  readonly patience?: number | undefined
}

export interface Scores {
  /** One entry an input, in order; an array for an input of kind `many`. */
  readonly outcomes: readonly (Outcome | readonly Outcome[])[]
  readonly timing: Timing
}

/** One conversation and where in the request it stands. */
interface Place {
  readonly index: number
  readonly response: number | null
  readonly work: Conversation | ArmormError
}

type Tokenized = { readonly sequence: EngineSequence; readonly usage: Usage }
type Rated = { readonly reward: Reward; readonly queueMs: number; readonly runMs: number }

export class Scorer {
  readonly #manifest: Manifest
  readonly #tokenizer: Tokenize
  readonly #rater: Rater
  readonly #store: ExplainStore
  readonly #observer: ScoringObserver
  readonly #door: Door | undefined

  constructor({ manifest, tokenizer, rater, store, observer, door }: ScorerOptions) {
    this.#manifest = manifest
    this.#tokenizer = tokenizer
    this.#rater = rater
    this.#store = store
    this.#observer = observer
    this.#door = door
  }

  /**
   * Scores every input. Nothing runs before all conversations are tokenized, so a request that is refused for what
   * it holds costs no work of the engine.
   * @throws ArmormError the first bad conversation's, with `details.index` (and `details.response`), where
   * `onError` is `request`; errors of the server's state, and the reason of `caller`, at once when it has gone,
   * whatever `onError` is.
   */
  async score(inputs: readonly ScoringInput[], options: ScoreOptions): Promise<Scores> {
    return this.#whileWanted(this.#score(inputs, options), options.caller)
  }

  /** Scores one conversation. @throws ArmormError, and the reason of `caller` */
  async scoreOne(conversation: Conversation, options: Omit<ScoreOptions, 'onError'>): Promise<Reward> {
    const timeline = options.caller?.timeline
    timeline?.began(options.protocol, 1, this.#manifest.model.revision)
    const rated = this.#admitted([conversation], options, async (pass) => {
      const tokenized = await timed(
        () => this.#tokenizeWork(conversation, options),
        (from, to) => timeline?.tokenized(from, to)
      )
      await pass.settle([tokenized.sequence])
      const outcome = this.#rate(tokenized, options, pass)
      pass.release()
      return outcome
    })
    return (await this.#whileWanted(rated, options.caller)).reward
  }

  async #score(inputs: readonly ScoringInput[], options: ScoreOptions): Promise<Scores> {
    const started = performance.now()
    const places = inputs.flatMap(placesOf)
    const timeline = options.caller?.timeline
    timeline?.began(options.protocol, places.length, this.#manifest.model.revision)
    if (options.onError === 'request') this.#refuseUnusable(places, options)
    const works = places.map(({ work }) => work)
    let tokenizedAt = started
    const rated = await this.#admitted(works, options, async (pass) => {
      const tokenized = await timed(
        () => this.#each(places, options, (place) => this.#tokenizeWork(place.work, options)),
        (from, to) => timeline?.tokenized(from, to)
      )
      tokenizedAt = performance.now()
      const sequences = tokenized.flatMap((each) => (each instanceof ArmormError ? [] : each.sequence))
      await pass.settle(sequences)
      const outcomes = this.#each(places, options, async (_place, i) => {
        const input = tokenized[i] as Tokenized | ArmormError
        return input instanceof ArmormError ? input : this.#rate(input, options, pass)
      })
      // All of them are in the queue now, and count there.
      pass.release()
      return outcomes
    })
    let last = { queueMs: 0, runMs: 0 }
    for (const outcome of rated) {
      if (outcome instanceof ArmormError) continue
      // All entered the queue together, so the largest sum is the one that finished last.
      if (outcome.queueMs + outcome.runMs > last.queueMs + last.runMs) last = outcome
    }
    return {
      outcomes: regroup(
        inputs,
        rated.map((outcome) => (outcome instanceof ArmormError ? outcome : outcome.reward))
      ),
      timing: {
        tokenize: tokenizedAt - started,
        queue: last.queueMs,
        run: last.runMs,
        total: performance.now() - started
      }
    }
  }

  /** Does work that there is room for. */
  async #admitted<T>(
    works: readonly (Conversation | ArmormError)[],
    asking: Asking,
    work: (pass: Pass) => Promise<T>
  ): Promise<T> {
    const timeline = asking.caller?.timeline
    const refused = (error: unknown): never => {
      works.forEach(() => this.#count(asking, error))
      if (error instanceof ArmormError && error.code === 'overloaded')
        timeline?.refused(String(error.details['reason']))
      throw error
    }
    const open: Pass = { caller: asking.caller, settle: async () => {}, release: () => {} }
    const pass = this.#door ? await this.#door.enter(works, asking).catch(refused) : open
    const settle: Pass['settle'] = async (sequences) => {
      await pass.settle(sequences).catch(refused)
      timeline?.queued(performance.now())
    }
    try {
      return await work({ ...pass, settle })
    } finally {
      pass.release()
    }
  }

  /** What was already refused refuses the request before any of its neighbours is tokenized. */
  #refuseUnusable(places: readonly Place[], asking: Asking): void {
    for (const place of places) {
      if (!(place.work instanceof ArmormError)) continue
      this.#count(asking, place.work)
      throw located(place.work, place)
    }
  }

  /** Does `step` for each place; errors that belong to a place become values, or the whole request's refusal. */
  async #each<T>(
    places: readonly Place[],
    { onError }: ScoreOptions,
    step: (place: Place, i: number) => Promise<T | ArmormError>
  ): Promise<(T | ArmormError)[]> {
    const settled = await Promise.all(
      places.map(async (place, i) => {
        try {
          return await step(place, i)
        } catch (error) {
          if (!isItemError(error)) throw error
          return located(error, place)
        }
      })
    )
    if (onError === 'request') {
      const refused = settled.find((outcome) => outcome instanceof ArmormError)
      if (refused) throw refused
    }
    return settled
  }

  async #tokenizeWork(
    work: Conversation | ArmormError,
    asking: Pick<ScoreOptions, 'protocol' | 'truncation' | 'caller'>
  ): Promise<Tokenized> {
    const { truncation, caller } = asking
    try {
      if (work instanceof ArmormError) throw work
      const started = performance.now()
      const { ids, gateIndex, promptTokens, trimmedTokens } = await this.#tokenizer.encode(work, truncation, caller)
      const tokens = ids.length
      const usage: Usage = {
        tokens,
        promptTokens,
        responseTokens: tokens - promptTokens,
        trimmedTokens,
        cachedTokens: 0
      }
      this.#observer.tokenized(performance.now() - started, usage)
      caller?.timeline?.read(usage)
      return { sequence: { ids, gateIndex }, usage }
    } catch (error) {
      this.#count(asking, error)
      throw error
    }
  }

  async #rate(
    { sequence, usage }: Tokenized,
    asking: Pick<ScoreOptions, 'protocol' | 'keep' | 'caller'>,
    { caller }: Pick<Pass, 'caller'>
  ): Promise<Rated> {
    const { protocol, keep } = asking
    try {
      const rated = await this.#rater.rate(sequence, caller)
      if (!isFiniteReward(rated)) {
        this.#observer.nonFinite()
        throw new ArmormError('non_finite', 'the model produced a value that is not a finite number')
      }
      const { score, ratings, gating, adjusted, origin, queueMs, runMs } = rated
      const manifest = this.#manifest
      const cachedTokens = origin === 'run' ? 0 : usage.tokens
      const values = { score, ratings, gating, adjusted, usage: { ...usage, cachedTokens } }
      const reward: Reward = { ...values, explainId: keep ? this.#store.put({ ...values, manifest }) : null }
      this.#observer.rated(protocol, reward, rated, manifest)
      asking.caller?.timeline?.rated(origin)
      return { reward, queueMs, runMs }
    } catch (error) {
      this.#count(asking, error)
      throw error
    }
  }

  /** The work's outcome, or the reason of its caller as soon as that has gone; the work then ends by itself. */
  async #whileWanted<T>(work: Promise<T>, caller: Caller | undefined): Promise<T> {
    if (!caller) return work
    const { signal } = caller
    let leave = () => {}
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => {
        this.#door?.left()
        reject(signal.reason as Error)
      }
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave, { once: true })
    })
    try {
      return await Promise.race([work, left])
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  #count({ protocol, caller }: Pick<Asking, 'protocol' | 'caller'>, error: unknown): void {
    caller?.timeline?.failed()
    if (error instanceof ArmormError && error.status < 500) this.#observer.rejected(protocol)
    else this.#observer.failed(protocol)
  }
}

/** Does a step and tells from when to when, whatever became of it. */
async function timed<T>(step: () => Promise<T>, tell: (from: number, to: number) => void): Promise<T> {
  const from = performance.now()
  try {
    return await step()
  } finally {
    tell(from, performance.now())
  }
}

function placesOf(input: ScoringInput, index: number): Place[] {
  if (input.kind === 'many') {
    return input.conversations.map((work, response) => ({ index, response, work }))
  }
  return [{ index, response: null, work: input.kind === 'one' ? input.conversation : input.error }]
}

/** Gives each input its outcomes back, in the form the input had. */
function regroup(inputs: readonly ScoringInput[], outcomes: readonly Outcome[]): (Outcome | readonly Outcome[])[] {
  let next = 0
  return inputs.map((input) => {
    if (input.kind !== 'many') return outcomes[next++] as Outcome
    const from = next
    next += input.conversations.length
    return outcomes.slice(from, next)
  })
}

/** The same error, saying which conversation of the request it is about. */
function located(error: ArmormError, { index, response }: Place): ArmormError {
  const where = response === null ? { index } : { index, response }
  const path = response === null ? `inputs[${index}]` : `inputs[${index}].responses[${response}]`
  return new ArmormError(error.code, `${path}: ${error.message}`, { ...error.details, ...where }, error)
}
