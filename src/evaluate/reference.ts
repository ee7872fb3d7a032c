/** Makes a bundle's reference out of rewards that come one by one, in memory that does not grow with their number. */
import { type Distribution, PERCENTILES, type Reference, REFERENCE_FORMAT } from '../bundle/reference.js'
import type { Manifest } from '../bundle/manifest.js'
import { gatingShape } from '../monitoring/gating-shape.js'
import { spearman } from '../heads/spearman.js'
import { quantile } from '../heads/statistics.js'
import { decimal } from '../decimal.js'

/** Rewards of which percentiles are taken; of more, a uniform sample. 4 bytes a number, 2 numbers an objective. */
const SAMPLE = 100_000
/** Column of a row at which the ratings begin. */
const FIRST_RATING = 4

/** What the model gave to one conversation over K objectives. */
export interface ReferenceRow {
  readonly score: number
  /** Tokens that the model read. */
  readonly tokens: number
  readonly responseTokens: number
  /** `[K]` */
  readonly ratings: Float32Array
  /** `[K]` */
  readonly gating: Float32Array
}

export class ReferenceBuilder {
  readonly #manifest: Pick<Manifest, 'model' | 'objectives'>
  readonly #sampleSize: number
  /** One a number of a row: score, tokens, response tokens, gate entropy, ratings, gating weights. */
  readonly #moments: Moments[]
  readonly #sample: Float32Array[] = []
  #rows = 0
  /** The same sample each time: it depends on the order of the rewards alone. */
  #state = 0x9e3779b9

  constructor(manifest: Pick<Manifest, 'model' | 'objectives'>, sampleSize = SAMPLE) {
    this.#manifest = manifest
    this.#sampleSize = sampleSize
    this.#moments = Array.from({ length: FIRST_RATING + 2 * manifest.objectives.length }, () => new Moments())
  }

  /** Conversations so far. */
  get conversations(): number {
    return this.#rows
  }

  add({ score, tokens, responseTokens, ratings, gating }: ReferenceRow): void {
    const row = Float32Array.of(score, tokens, responseTokens, gatingShape(gating).entropy, ...ratings, ...gating)
    row.forEach((value, column) => this.#moments[column]?.add(value))
    this.#rows++
    if (this.#sample.length < this.#sampleSize) {
      this.#sample.push(row)
      return
    }
    // Vitter's algorithm R: every row so far is in the sample with the same probability.
    const place = Math.floor(this.#random() * this.#rows)
    if (place < this.#sampleSize) this.#sample[place] = row
  }

  /** After one conversation at least. */
  build(): Reference {
    const { model, objectives } = this.#manifest
    return {
      format_version: REFERENCE_FORMAT,
      model_revision: model.revision,
      conversations: this.#rows,
      score: this.#distribution(0),
      tokens: this.#distribution(1),
      score_length_correlation: this.#correlation(0, 2),
      gate_entropy: this.#distribution(3),
      objectives: objectives.map(({ name }, k) => ({
        name,
        rating: this.#distribution(FIRST_RATING + k),
        gating: this.#distribution(FIRST_RATING + objectives.length + k)
      }))
    }
  }

  /** Of the sample. */
  #correlation(a: number, b: number): number | null {
    const column = (index: number) => this.#sample.map((row) => row[index] as number)
    const correlation = spearman(column(a), column(b))
    return Number.isNaN(correlation) ? null : decimal(correlation)
  }

  /** Lowest and highest are those of all rows, the percentiles between them those of the sample. */
  #distribution(column: number): Distribution {
    const moments = this.#moments[column] as Moments
    const values = Float32Array.from(this.#sample, (row) => row[column] ?? 0).sort()
    const percentiles = Array.from({ length: PERCENTILES }, (_, p) => {
      if (p === 0) return moments.lowest
      if (p === PERCENTILES - 1) return moments.highest
      return quantile(values, p / (PERCENTILES - 1))
    })
    return {
      mean: decimal(moments.mean),
      standard_deviation: decimal(moments.standardDeviation),
      percentiles: percentiles.map(decimal)
    }
  }

  /** Uniform in 0..1: xorshift32 (Marsaglia, 2003). */
  #random(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state / 2 ** 32
  }
}

/** Mean and variance as they come (Welford, 1962). */
class Moments {
  #count = 0
  #squares = 0
  mean = 0
  lowest = Infinity
  highest = -Infinity

  add(value: number): void {
    this.#count++
    const difference = value - this.mean
    this.mean += difference / this.#count
    this.#squares += difference * (value - this.mean)
    this.lowest = Math.min(this.lowest, value)
    this.highest = Math.max(this.highest, value)
  }

  /** Of the values as a whole population. */
  get standardDeviation(): number {
    return Math.sqrt(this.#squares / this.#count)
  }
}
