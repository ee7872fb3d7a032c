/** How well weights predict labels, on rows that come in shards. */
import { spearman } from '../../heads/spearman.js'
import type { MatrixProducts } from '../matrix-products.js'
import { mean } from '../../heads/statistics.js'

export interface Metrics {
  readonly rows: number
  /** Mean squared error. */
  readonly mse: number
  /** 1 - squared error / that of the labels' mean; null when all labels are equal. */
  readonly r2: number | null
  /** Null when labels or predictions are all equal. */
  readonly spearman: number | null
}

/** Labels of one objective, and what each of its candidates predicts. */
export interface Predictions {
  readonly labels: number[]
  readonly predicted: readonly number[][]
}

/** Collects predictions of `candidates[objective]`, weights `[hidden]` each. */
export class Evaluation {
  readonly #products: MatrixProducts
  readonly #weights: Float64Array
  /** First column of each objective's candidates. */
  readonly #first: readonly number[]
  readonly #columns: number
  readonly objectives: readonly Predictions[]

  constructor(products: MatrixProducts, candidates: readonly (readonly Float64Array[])[]) {
    this.#products = products
    const all = candidates.flat()
    const hidden = all[0]?.length ?? 0
    this.#columns = all.length
    this.#weights = new Float64Array(all.length * hidden)
    all.forEach((weights, index) => this.#weights.set(weights, index * hidden))
    let column = 0
    this.#first = candidates.map(({ length }) => (column += length) - length)
    this.objectives = candidates.map((weights) => ({ labels: [], predicted: weights.map(() => []) }))
  }

  /** @param states `[n, hidden]` @param labels `[objectives]` of each row, NaN where there is none */
  async add(states: Float32Array, labels: readonly Float32Array[]): Promise<void> {
    if (labels.length === 0 || this.#columns === 0) return
    const ratings = await this.#products.ratings(states, this.#weights)
    labels.forEach((row, index) => {
      this.objectives.forEach((predictions, objective) => {
        const label = row[objective]!
        if (Number.isNaN(label)) return
        predictions.labels.push(label)
        const at = index * this.#columns + this.#first[objective]!
        predictions.predicted.forEach((values, candidate) => values.push(ratings[at + candidate]!))
      })
    })
  }
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

export function meanSquaredError(labels: readonly number[], predicted: readonly number[]): number {
  let squares = 0
  labels.forEach((label, i) => (squares += (label - predicted[i]!) ** 2))
  return squares / labels.length
}

/** Null when there are no labels. */
export function metricsOf(labels: readonly number[], predicted: readonly number[]): Metrics | null {
  if (labels.length === 0) return null
  const mse = meanSquaredError(labels, predicted)
  const center = mean(labels)
  const variance = meanSquaredError(
    labels,
    labels.map(() => center)
  )
  const equal = labels.every((label) => label === labels[0])
  return {
    rows: labels.length,
    mse,
    r2: equal ? null : 1 - mse / variance,
    spearman: finite(spearman(labels, predicted))
  }
}
