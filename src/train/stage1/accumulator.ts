/** Feeds rows to the sums of ridge regression, in chunks large enough for fast matrix products. */
import { patternOf, type RidgeSums } from '../../heads/ridge.js'
import type { MatrixProducts } from '../matrix-products.js'

/** Rows of one product at most, and the memory of all chunks together. */
const CHUNK_ROWS = 1024
const CHUNKS_BYTES = 256 << 20

interface Chunk {
  readonly states: Float32Array
  readonly labels: Float32Array
  rows: number
}

export class RowAccumulator {
  readonly #sums: RidgeSums
  readonly #products: MatrixProducts
  readonly #chunks: readonly Chunk[]
  readonly #rows: number

  constructor(sums: RidgeSums, products: MatrixProducts) {
    this.#sums = sums
    this.#products = products
    const { plan, hidden } = sums
    const fitting = Math.floor(CHUNKS_BYTES / (plan.grams.length * hidden * Float32Array.BYTES_PER_ELEMENT))
    this.#rows = Math.min(CHUNK_ROWS, Math.max(1, fitting))
    this.#chunks = plan.grams.map((objectives) => ({
      states: new Float32Array(this.#rows * hidden),
      labels: new Float32Array(this.#rows * objectives.length),
      rows: 0
    }))
  }

  /** @param state `[hidden]` @param labels `[objectives]`, NaN where there is none */
  async add(state: Float32Array, labels: Float32Array): Promise<void> {
    const { plan, hidden, squares, rows } = this.#sums
    const labelled = [...labels.keys()].filter((objective) => !Number.isNaN(labels[objective]!))
    for (const gram of plan.ofPattern.get(patternOf(labelled)) ?? []) {
      const chunk = this.#chunks[gram]!
      const objectives = plan.grams[gram]!
      chunk.states.set(state, chunk.rows * hidden)
      objectives.forEach((objective, column) => {
        const label = labels[objective]!
        chunk.labels[chunk.rows * objectives.length + column] = label
        squares[objective]! += label ** 2
        rows[objective]!++
      })
      chunk.rows++
      if (chunk.rows === this.#rows) await this.#flush(gram)
    }
  }

  /** Adds what is left in the chunks: the sums are right after it. */
  async finish(): Promise<void> {
    for (const gram of this.#chunks.keys()) await this.#flush(gram)
  }

  async #flush(gram: number): Promise<void> {
    const { plan, hidden, grams, targets } = this.#sums
    const chunk = this.#chunks[gram]!
    const objectives = plan.grams[gram]!
    if (chunk.rows === 0) return
    await this.#products.accumulate(
      chunk.states.subarray(0, chunk.rows * hidden),
      chunk.labels.subarray(0, chunk.rows * objectives.length),
      grams[gram]!,
      objectives.map((objective) => targets[objective]!)
    )
    chunk.rows = 0
  }
}
