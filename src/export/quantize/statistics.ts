/** What calibration data say of the inputs of a layer's matrices. */

/** Inputs wider than this are rounded without their covariance, whose factors take inputs^3 operations. */
export const WIDEST_COVARIANCE = 4096

export interface InputStatistics {
  /** `[inputs]` mean over the tokens that are quantized. */
  readonly mean: Float64Array
  /** `[inputs]` what is taken off before rounding: the mean, or null for nothing. */
  readonly centre: Float64Array | null
  /** `[inputs, inputs]` second moments about the centre over all tokens; null where there are too many inputs. */
  readonly covariance: Float64Array | null
}

/** By groups of matrices over one input. */
export interface LayerStatistics {
  readonly qkv: InputStatistics
  readonly o: InputStatistics
  readonly gateUp: InputStatistics
  readonly down: InputStatistics
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
   * @param tokens how many, and how many of them are quantized
   * @param sums `[2, width]` of all tokens' inputs, and of the quantized ones
   * @param products `[width, width]` sum of x^T x over all tokens
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

  /** @param centre what second moments are about: the mean, which is then to be taken off, or another point, which is not */
  finish(centre: 'mean' | Float64Array): InputStatistics {
    const width = this.#width
    const mean = this.#quantizedSum.map((sum) => sum / Math.max(1, this.#quantized))
    const origin = centre === 'mean' ? mean : centre
    const overall = this.#sum.map((sum) => sum / this.#tokens)
    const covariance = this.#products
    if (covariance) {
      for (let i = 0; i < width; i++) {
        for (let j = 0; j < width; j++) {
          const at = i * width + j
          covariance[at] =
            covariance[at]! / this.#tokens -
            overall[i]! * origin[j]! -
            origin[i]! * overall[j]! +
            origin[i]! * origin[j]!
        }
      }
    }
    return { mean, centre: centre === 'mean' ? mean : null, covariance }
  }
}
