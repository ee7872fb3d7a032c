/** Signs that a gate has gone wrong, as the paper on ArmoRM (arXiv 2406.12845) and its readers name them. */
import type { CurvePoint } from './train-gate.js'

export type Sign =
  | 'nothing_learned'
  | 'uniform'
  | 'one_objective'
  | 'same_for_all_prompts'
  | 'overfitting'
  | 'not_better_than_baselines'
  | 'unfinished_baseline'

export interface Warning {
  readonly sign: Sign
  readonly message: string
}

/** Where a measure of the kept gate becomes a sign. */
const EVEN = 0.98
const ALONE = 0.9
const CONSTANT = 0.005
/** By how much the validation loss has to rise. */
const RISE = 1.01

/**
 * @param curve all looks at the validation pairs, in order
 * @param best the one whose gate is kept
 * @param simpler accuracies on the validation pairs of what needs no gate, by name
 */
export function gateWarnings(
  curve: readonly CurvePoint[],
  best: CurvePoint,
  simpler: Readonly<Record<string, number>>
): Warning[] {
  const warnings: Warning[] = []
  const warn = (sign: Sign, message: string): void => void warnings.push({ sign, message })
  const number = (value: number): string => value.toFixed(3)
  if (best.step === 0) warn('nothing_learned', 'no step made the gate better than its first, random values')
  if (best.entropy > EVEN) {
    warn('uniform', `the weights are nearly even: mean entropy is ${number(best.entropy)} of its maximum`)
  }
  if (best.top_mean > ALONE) {
    warn('one_objective', `one objective has nearly all: its mean weight is ${number(best.top_mean)}`)
  }
  if (best.variation < CONSTANT) {
    warn('same_for_all_prompts', `the weights hardly depend on the prompt: variation is ${number(best.variation)} of 1`)
  }
  const last = curve.at(-1)!
  const fell = best.loss !== null && last.loss !== null && last.loss < best.loss
  if (fell && last.validation_loss > RISE * best.validation_loss) {
    const steps = `from step ${best.step} to ${last.step}`
    const rise = `${number(best.validation_loss)} to ${number(last.validation_loss)}`
    const fall = `${number(best.loss)} to ${number(last.loss)}`
    warn('overfitting', `${steps} the validation loss rose from ${rise} while the training loss fell from ${fall}`)
  }
  const notWorse = Object.entries(simpler).filter(([, accuracy]) => accuracy >= best.validation_accuracy)
  if (notWorse.length > 0) {
    const list = notWorse.map(([name, accuracy]) => `${name} (${number(accuracy)})`).join(', ')
    const what = `on the validation pairs the gate (${number(best.validation_accuracy)}) is not better than ${list}`
    warn('not_better_than_baselines', what)
  }
  return warnings
}
