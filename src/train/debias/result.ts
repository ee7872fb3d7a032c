/** debias.json in the work folder. */
import { join } from 'node:path'
import { ArmormError } from '../../errors.js'
import type { SetName } from '../embedded-set.js'
import type { Measured } from '../measure.js'
import { requiredJson, writeJson } from '../work-files.js'
import type { DebiasSettings } from './settings.js'

export const DEBIAS_FILE = 'debias.json'

export interface ChosenPenalty {
  readonly objective: string
  readonly removed: string
  /** The transform has it with the opposite sign. */
  readonly penalty: number
  /** Spearman's correlation with the removed objective's raw rating; null when the objective's is constant. */
  readonly correlation_before: number | null
  readonly correlation_after: number | null
  readonly outcome: 'passed' | 'negative' | 'failed'
}

/** Spearman's correlations `[objectives, objectives]`; null where a rating is constant. */
export type Correlations = readonly (readonly (number | null)[])[]

export interface DebiasResult {
  readonly format: 1
  /** Of the settings, stage 1, and the reference responses' embeddings. */
  readonly fingerprint: string
  /** Fingerprint of the stage 1 whose ratings they are. */
  readonly stage1?: string
  readonly objectives: readonly string[]
  readonly removed: readonly string[]
  readonly threshold: number
  readonly rule: DebiasSettings['rule']
  readonly allow_negative: boolean
  /** Whose responses the correlations are of, and how many. */
  readonly reference: { readonly set: SetName; readonly responses: number }
  readonly penalties: readonly ChosenPenalty[]
  /** `[objectives, objectives]` T: adjusted ratings are ratings times T. */
  readonly transform: readonly (readonly number[])[]
  /** After: of the adjusted ratings; in the places of removed objectives, which are 0 by then, of their raw ratings. */
  readonly correlation: { readonly before: Correlations; readonly after: Correlations }
  readonly warnings: readonly string[]
  readonly parts: readonly Measured[]
}

export function writeDebias(work: string, result: DebiasResult): Promise<void> {
  return writeJson(join(work, DEBIAS_FILE), result)
}

/**
 * What debiasing has written.
 * @param stage1 what is there now
 * @throws ArmormError invalid_work when it is missing, or of another stage 1
 */
export async function readDebias(
  work: string,
  stage1: { readonly fingerprint: string; readonly objectives: readonly { readonly name: string }[] }
): Promise<DebiasResult> {
  const objectives = stage1.objectives.map(({ name }) => name)
  const path = join(work, DEBIAS_FILE)
  const result = (await requiredJson(path, 'debias')) as Partial<DebiasResult>
  if (result.format !== 1 || JSON.stringify(result.objectives) !== JSON.stringify(objectives)) {
    throw new ArmormError('invalid_work', `${path} is not of the objectives of stage 1; run armorm train debias again`)
  }
  if ((result.stage1 ?? stage1.fingerprint) !== stage1.fingerprint) {
    throw new ArmormError('invalid_work', `${path} is of another stage 1 than that now; run armorm train debias again`)
  }
  return result as DebiasResult
}
