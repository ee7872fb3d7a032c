/**
 * What all contracts do between wire form and wire form: read text that a trainer rendered, score, scale, calibrate,
 * and give a number to what cannot be scored.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ArmormError } from '../../errors.js'
import type { Outcome } from '../../scoring/reward.js'
import type { Conversation } from '../../text/conversation.js'
import { parseRendered, type RenderedInput } from '../../text/rendered/index.js'
import { requireFewEnough } from '../input-forms.js'
import { decimal } from '../../decimal.js'
import { holding, type Services } from '../services.js'
import type { Call, Contract } from './contract.js'

/** What a contract hands over: rendered text, a conversation, or why an item is none. */
export type ContractInput = { readonly kind: 'rendered'; readonly text: RenderedInput } | Conversation | ArmormError

/** One item, every number finite and with 9 significant digits at most. */
export interface ContractReward {
  /** scoreScale * score + scoreOffset: what a trainer maximises. */
  readonly reward: number
  /** The score in 0..1, by the bundle's reference. */
  readonly calibrated: number
  /** The model's own score; of an item that failed, the one that stands in. */
  readonly score: number
  /** Raw ratings of the objectives that `extraObjectives` names, in the model's order; zeros for an item that failed. */
  readonly extras: readonly number[]
  /** The same, calibrated to 0..1. */
  readonly calibratedExtras: readonly number[]
  /** Tokens that the model read. */
  readonly tokens: number
  readonly truncated: boolean
  /** Ratings, gating weights and all else; or why this item has none. */
  readonly outcome: Outcome
}

/** Characters that are read before other requests have their turn. */
const READ_AT_ONCE = 1 << 20

export class ContractScorer {
  readonly #services: Services
  /** Names of the objectives of `extras`. */
  readonly extraNames: readonly string[]

  constructor(services: Services) {
    this.#services = services
    const { manifest, contracts } = services
    this.extraNames = contracts.extras.map((place) => manifest.objectives[place]?.name ?? '')
  }

  /**
   * Scores items, in their order. Prompts that are too long are cut from the left. An item that cannot be scored gets
   * the score that stands in, unless the operator wants it to fail the request.
   * @throws ArmormError too_many_inputs; errors of the server's state, which a client may try again; an item's own,
   *   with `details.index`, where `failedScore` is `refuse`.
   */
  async score(
    items: readonly ContractInput[],
    contract: Pick<Contract, 'protocol' | 'patience'>,
    { caller }: Pick<Call, 'caller'>
  ): Promise<ContractReward[]> {
    // Tasks go on when their request was answered.
    return holding(this.#services, () => this.#score(items, contract, caller))
  }

  async #score(
    items: readonly ContractInput[],
    { protocol, patience }: Pick<Contract, 'protocol' | 'patience'>,
    caller: Call['caller']
  ): Promise<ContractReward[]> {
    const { scorer, contracts, limits, metrics } = this.#services
    requireFewEnough(items.length, limits)
    const { outcomes } = await scorer.score(await this.#read(items), {
      protocol,
      truncation: 'prompt_left',
      onError: 'item',
      keep: false,
      caller,
      patience
    })
    const own = outcomes.map((outcome) => unplaced(outcome as Outcome))
    for (const [index, outcome] of own.entries()) {
      if (!(outcome instanceof ArmormError)) continue
      // Rewards that stand in would hide a broken engine from whoever trains.
      if (outcome.code === 'engine_failed' || contracts.failedScore === null) throw placed(outcome, index)
      metrics.error(outcome.code)
    }
    return own.map((outcome) => this.#reward(outcome))
  }

  async #read(items: readonly ContractInput[]) {
    const inputs = []
    let characters = 0
    for (const item of items) {
      if (item instanceof ArmormError) inputs.push({ kind: 'refused', error: item } as const)
      else if (item.kind !== 'rendered') inputs.push({ kind: 'one', conversation: item } as const)
      else {
        inputs.push(this.#readRendered(item.text))
        characters += item.text.text.length
        if (characters > READ_AT_ONCE) {
          characters = 0
          await nextTurn()
        }
      }
    }
    return inputs
  }

  #readRendered(text: RenderedInput) {
    const { contracts, metrics } = this.#services
    try {
      const { messages, how, family } = parseRendered(text, contracts.reading)
      metrics.textRead(how, family)
      return { kind: 'one', conversation: { kind: 'messages', messages } } as const
    } catch (error) {
      if (!(error instanceof ArmormError)) throw error
      metrics.textRead('refused', 'none')
      return { kind: 'refused', error } as const
    }
  }

  #reward(outcome: Outcome): ContractReward {
    const { scale, offset, extras, calibration, failedScore } = this.#services.contracts
    const failed = outcome instanceof ArmormError
    const score = failed ? (failedScore ?? 0) : outcome.score
    const ratings = extras.map((place) => (failed ? 0 : (outcome.ratings[place] ?? 0)))
    return {
      reward: decimal(scale * score + offset),
      calibrated: decimal(calibration.score(score)),
      score: decimal(score),
      extras: ratings.map(decimal),
      calibratedExtras: ratings.map((rating, i) => decimal(failed ? 0 : calibration.rating(extras[i] ?? 0, rating))),
      tokens: failed ? 0 : outcome.usage.tokens,
      truncated: !failed && outcome.usage.trimmedTokens > 0,
      outcome
    }
  }
}

/** The error as it was before the scorer named its place in an `inputs` that this request does not have. */
function unplaced(outcome: Outcome): Outcome {
  return outcome instanceof ArmormError && outcome.cause instanceof ArmormError ? outcome.cause : outcome
}

function placed(error: ArmormError, index: number): ArmormError {
  return new ArmormError(error.code, `conversation ${index}: ${error.message}`, { ...error.details, index }, error)
}
