/** baselines.json in the work folder. */
import { join } from 'node:path'
import { ArmormError } from '../../errors.js'
import type { Accuracy, Interval } from '../../heads/bootstrap.js'
import type { Warning } from '../stage2/monitors.js'
import { readJson, writeJson } from '../work-files.js'
import type { BaselinesSettings } from './settings.js'

export const BASELINES_FILE = 'baselines.json'

/** Of the test pairs; a tie counts half. */
export interface Tested extends Accuracy {
  readonly pairs: number
  /** Pairs of which both responses score the same: counted as lost, they take half of them off. */
  readonly ties: number
  /** Accuracy of the gate minus this one, in the same resamples. */
  readonly difference: Interval & { readonly difference: number }
}

export interface BaselineRow {
  readonly name: string
  /** What was chosen for it: an objective, weights, a strength. */
  readonly chosen?: Readonly<Record<string, unknown>>
  readonly all: Tested
  readonly categories: Readonly<Record<string, Tested>>
}

export interface BaselinesResult {
  readonly format: 1
  /** Of the settings and of stage 2. */
  readonly fingerprint: string
  readonly settings: BaselinesSettings
  /** The gate first. */
  readonly rows: readonly BaselineRow[]
  /** Test pairs whose prompt is also rated, where stage 1 may have seen it. */
  readonly rated_prompts: number
  readonly warnings: readonly Warning[]
  readonly seconds: number
}

export function writeBaselines(work: string, result: BaselinesResult): Promise<void> {
  return writeJson(join(work, BASELINES_FILE), result)
}

/** @throws ArmormError invalid_work when there is no such file of this format */
export async function readBaselines(work: string): Promise<BaselinesResult> {
  const path = join(work, BASELINES_FILE)
  const result = (await readJson(path)) as Partial<BaselinesResult> | undefined
  if (result?.format === 1 && Array.isArray(result.rows)) return result as BaselinesResult
  const what = result === undefined ? 'does not exist' : 'is of another format'
  throw new ArmormError('invalid_work', `${path} ${what}; armorm train baselines writes it`)
}
