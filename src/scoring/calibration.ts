/** Scores and ratings on a scale of 0..1, by what the model gave to a reference set of conversations. */
import type { Distribution, Reference } from '../bundle/reference.js'

export class Calibration {
  readonly #reference: Reference | null

  /** @param reference - null for a bundle without reference.json: then the logistic function stands in. */
  constructor(reference: Reference | null) {
    this.#reference = reference
  }

  /** Share of the reference's conversations that score lower; without reference 1 / (1 + exp(-score)). */
  score(score: number): number {
    return this.#reference ? share(this.#reference.score, score) : logistic(score)
  }

  /** The same for the raw rating of one objective, by its place in the model's order. */
  rating(objective: number, rating: number): number {
    const known = this.#reference?.objectives[objective]
    return known ? share(known.rating, rating) : logistic(rating)
  }
}

function logistic(value: number): number {
  return 1 / (1 + Math.exp(-value))
}

/**
 * The empirical distribution function, straight between percentiles: monotone, 0 below the lowest and 1 above the
 * highest. A value that several percentiles share has the middle of theirs.
 */
export function share({ percentiles }: Distribution, value: number): number {
  const last = percentiles.length - 1
  const from = percentiles.findIndex((each) => each >= value)
  if (from < 0) return 1
  const to = percentiles.findLastIndex((each) => each <= value)
  if (to < 0) return 0
  if (from <= to) return (from + to) / 2 / last
  const [below, above] = [percentiles[to] ?? 0, percentiles[from] ?? 0]
  return (to + (value - below) / (above - below)) / last
}
