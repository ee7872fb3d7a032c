/** baselines.json in the work folder. */
import { join } from 'node:path'
import { ArmormError } from '../../errors.js'
import type { ComparedRow } from '../compare.js'
import type { Warning } from '../stage2/monitors.js'
import { readJson, writeJson } from '../work-files.js'
import type { BaselinesSettings } from './settings.js'

export const BASELINES_FILE = 'baselines.json'

export interface BaselinesResult {
  readonly format: 1
  /** Of the settings and of stage 2. */
  readonly fingerprint: string
  readonly settings: BaselinesSettings
  /** The gate first. */
  readonly rows: readonly ComparedRow[]
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
