/** The latest rewards that were computed, and what a trainer wants to know of them. */
import { spearman } from '../heads/spearman.js'
import { mean } from '../heads/statistics.js'
import { type GatingShape, gatingShape } from './gating-shape.js'

/** Rewards that are looked at together: a GRPO step or two. */
export const WINDOW = 1024
/** Fewer say too little: the standard error of a rank correlation of so many is 0.1. */
export const ENOUGH = 100

export interface WindowRow {
  readonly score: number
  readonly responseTokens: number
  /** `[K]` */
  readonly gating: Float32Array
}

export interface WindowFigures {
  readonly conversations: number
  readonly scores: readonly number[]
  readonly scoreMean: number
  /** Of the window as a whole population. */
  readonly scoreDeviation: number
  /** Spearman's, of score and tokens of the response; null when either is constant. */
  readonly scoreLengthCorrelation: number | null
  /** Mean over conversations of the normalised entropy of the gating weights. */
  readonly gateEntropy: number
  /** Largest share of conversations in which the same objective has the largest weight. */
  readonly topObjectiveShare: number
}

interface Entry extends Omit<WindowRow, 'gating'> {
  readonly shape: GatingShape
}

export class RewardWindow {
  readonly #size: number
  readonly #entries: Entry[] = []
  #next = 0
  /** Until the next reward: every gauge asks for them at a scrape. */
  #known: WindowFigures | null | undefined

  constructor(size = WINDOW) {
    this.#size = size
  }

  /** @returns how the row's weights are spread */
  add({ score, responseTokens, gating }: WindowRow): GatingShape {
    const shape = gatingShape(gating)
    this.#entries[this.#next] = { score, responseTokens, shape }
    this.#next = (this.#next + 1) % this.#size
    this.#known = undefined
    return shape
  }

  /** Null while there are too few rewards to say anything. */
  figures(): WindowFigures | null {
    if (this.#known === undefined) this.#known = this.#compute()
    return this.#known
  }

  #compute(): WindowFigures | null {
    const entries = this.#entries
    if (entries.length < Math.min(ENOUGH, this.#size)) return null
    const scores = entries.map(({ score }) => score)
    const scoreMean = mean(scores)
    const correlation = spearman(
      scores,
      entries.map(({ responseTokens }) => responseTokens)
    )
    const tops = new Map<number, number>()
    for (const { shape } of entries) tops.set(shape.top, (tops.get(shape.top) ?? 0) + 1)
    return {
      conversations: entries.length,
      scores,
      scoreMean,
      scoreDeviation: Math.sqrt(mean(scores.map((score) => (score - scoreMean) ** 2))),
      scoreLengthCorrelation: Number.isNaN(correlation) ? null : correlation,
      gateEntropy: mean(entries.map(({ shape }) => shape.entropy)),
      topObjectiveShare: Math.max(...tops.values()) / entries.length
    }
  }
}
