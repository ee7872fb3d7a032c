/** A Bradley-Terry model on the states of the responses: the plain reward model that a gated one has to beat. */
import { setImmediate } from 'node:timers/promises'
import { bradleyTerryLoss, lossAndGradient, margins } from '../../heads/bradley-terry.js'
import { minimize } from '../../heads/lbfgs.js'
import type { PairSet } from '../pairs.js'

export interface LinearHead {
  /** `[H]` */
  readonly weights: Float64Array
  readonly l2: number
  /** Validation loss of each strength that was tried; `converged`: whether the fit reached its tolerance. */
  readonly grid: readonly { readonly l2: number; readonly validation_loss: number; readonly converged: boolean }[]
}

export const MAX_ITERATIONS = 300
/** Largest part of the gradient, beside the root mean square of the differences. */
const TOLERANCE = 1e-5

/**
 * Fits a head for each strength on the training pairs, and keeps the one with the least loss on the validation pairs.
 * @param strengths of the penalty l2 / 2 |w|², in units of the mean square of the differences
 * @param onFit told how many of them are done
 */
export async function fitLinearHead(
  pairs: PairSet,
  strengths: readonly number[],
  onFit?: (done: number) => void
): Promise<LinearHead> {
  const { hidden, states, parts } = pairs
  const train = { differences: states, features: hidden, rows: parts.train }
  const validation = { differences: states, features: hidden, rows: parts.validation }
  const square = meanSquare(train)
  const options = { tolerance: TOLERANCE * Math.sqrt(square), maxIterations: MAX_ITERATIONS }
  // From strong to weak: each fit starts where the one before ended, which is near.
  const ordered = [...strengths].sort((a, b) => b - a)
  let weights: Float64Array = new Float64Array(hidden)
  const fits = []
  for (const [index, l2] of ordered.entries()) {
    const penalty = Math.max(l2 * square, Number.MIN_VALUE)
    const evaluate = async (w: Float64Array) => {
      // Signals, progress and the work folder's lock have their turn: with many pairs a fit takes minutes.
      await setImmediate()
      return lossAndGradient(train, w, penalty)
    }
    const fit = await minimize(evaluate, weights, options)
    weights = fit.x
    onFit?.(index + 1)
    const loss = bradleyTerryLoss(margins(validation, weights))
    fits.push({ l2, weights, converged: fit.converged, validation_loss: loss })
  }
  const best = fits.reduce((a, b) => (b.validation_loss < a.validation_loss ? b : a))
  return { weights: best.weights, l2: best.l2, grid: fits.map(({ weights: _weights, ...tried }) => tried) }
}

function meanSquare({
  differences,
  features,
  rows
}: {
  differences: Float32Array
  features: number
  rows: Int32Array
}) {
  let sum = 0
  for (const row of rows) for (let i = row * features; i < (row + 1) * features; i++) sum += differences[i]! ** 2
  return sum / (rows.length * features)
}
