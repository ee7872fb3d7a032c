/** What calibration data say of the inputs of a layer's matrices. */

/** Inputs wider than this are rounded without their covariance, whose factors take inputs^3 operations. */
export const WIDEST_COVARIANCE = 4096

export interface InputStatistics {
  /** `[inputs]` mean over the tokens that are quantized: taken off before rounding. */
  readonly mean: Float64Array
  /** `[inputs, inputs]` second moments about the mean over all tokens, weighted; null where there are too many inputs. */
  readonly covariance: Float64Array | null
}

/** By groups of matrices over one input. */
export interface LayerStatistics {
  readonly q: InputStatistics
  readonly gateUp: InputStatistics
}

/** Adds up over batches, in float64. */
export class StatisticsSum {
  readonly #width: number
  readonly #sum: Float64Array
  readonly #quantizedSum: Float64Array
  readonly #products: Float64Array | null
  #tokens = 0
  #quantized = 0

  constructor(width: number) {
    this.#width = width
    this.#sum = new Float64Array(width)
    this.#quantizedSum = new Float64Array(width)
    this.#products = width <= WIDEST_COVARIANCE ? new Float64Array(width * width) : null
  }

  /**
   * @param tokens weight of all, and how many of them are quantized
   * @param sums `[2, width]` of all tokens' inputs, weighted, and of the quantized ones
   * @param products `[width, width]` sum of x^T x over all tokens, weighted
   */
  add(
    tokens: { readonly all: number; readonly quantized: number },
    sums: Float32Array,
    products: Float32Array | undefined
  ): void {
    this.#tokens += tokens.all
    this.#quantized += tokens.quantized
    for (let i = 0; i < this.#width; i++) {
      this.#sum[i]! += sums[i]!
      this.#quantizedSum[i]! += sums[this.#width + i]!
    }
    const total = this.#products
    if (total && products) for (let i = 0; i < total.length; i++) total[i]! += products[i]!
  }

  finish(): InputStatistics {
    const width = this.#width
    const mean = this.#quantizedSum.map((sum) => sum / Math.max(1, this.#quantized))
    const overall = this.#sum.map((sum) => sum / this.#tokens)
    const covariance = this.#products
    if (covariance) {
      for (let i = 0; i < width; i++) {
        for (let j = 0; j < width; j++) {
          const at = i * width + j
          covariance[at] =
            covariance[at]! / this.#tokens - overall[i]! * mean[j]! - mean[i]! * overall[j]! + mean[i]! * mean[j]!
        }
      }
    }
    return { mean, covariance }
  }
}
