/** A Bradley-Terry model on the states of the responses: the plain reward model that a gated one has to beat. */
import { bradleyTerryLoss, lossAndGradient, margins } from '../../heads/bradley-terry.js'
import { minimize } from '../../heads/lbfgs.js'
import { type PairSet, rowsOf } from '../pairs.js'

export interface LinearHead {
  /** `[H]` */
  readonly weights: Float64Array
  readonly l2: number
  /** Validation loss of each strength that was tried; `converged`: whether the fit reached its tolerance. */
  readonly grid: readonly { readonly l2: number; readonly validation_loss: number; readonly converged: boolean }[]
}

const MAX_ITERATIONS = 300
/** Largest part of the gradient, beside the root mean square of the differences. */
const TOLERANCE = 1e-5

/**
 * Fits a head for each strength on the training pairs, and keeps the one with the least loss on the validation pairs.
 * @param strengths of the penalty l2 / 2 |w|², in units of the mean square of the differences
 * @param onFit told how many of them are done
 */
export function fitLinearHead(
  pairs: PairSet,
  strengths: readonly number[],
  onFit?: (done: number) => void
): LinearHead {
  const { hidden, states, parts } = pairs
  const train = { differences: rowsOf(states, hidden, parts.train), features: hidden }
  const validation = { differences: rowsOf(states, hidden, parts.validation), features: hidden }
  const square = train.differences.reduce((sum, value) => sum + value * value, 0) / train.differences.length
  const options = { tolerance: TOLERANCE * Math.sqrt(square), maxIterations: MAX_ITERATIONS }
  // From strong to weak: each fit starts where the one before ended, which is near.
  const ordered = [...strengths].sort((a, b) => b - a)
  let weights: Float64Array = new Float64Array(hidden)
  const fits = ordered.map((l2, index) => {
    const penalty = Math.max(l2 * square, Number.MIN_VALUE)
    const fit = minimize((w) => lossAndGradient(train, w, penalty), weights, options)
    weights = fit.x
    onFit?.(index + 1)
    return { l2, weights, converged: fit.converged, validation_loss: bradleyTerryLoss(margins(validation, weights)) }
  })
  const best = fits.reduce((a, b) => (b.validation_loss < a.validation_loss ? b : a))
  return { weights: best.weights, l2: best.l2, grid: fits.map(({ weights: _weights, ...tried }) => tried) }
}
