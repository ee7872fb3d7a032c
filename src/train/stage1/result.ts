/** Files of stage 1 in the work folder: stage1.json, and the head's `weight` in stage1.safetensors. */
import { join } from 'node:path'
import { checksum } from '../../bundle/files.js'
import { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { writeSafetensors } from '../../checkpoint/write-safetensors.js'
import { ArmormError } from '../../errors.js'
import type { EmbeddedIndex } from '../embedded-set.js'
import type { Measured } from '../measure.js'
import type { TestPrompts } from '../test-prompts.js'
import { hasSha256, requiredJson, writeJson } from '../work-files.js'
import type { Metrics } from './evaluation.js'
import type { DerivedObjective, Stage1Settings } from './settings.js'
import type { Split } from './survey.js'

export const STAGE1_FILE = 'stage1.json'
export const STAGE1_WEIGHTS = 'stage1.safetensors'

export interface TrainedObjective {
  readonly name: string
  readonly source: 'rated' | 'derived'
  readonly alpha: number
  /** Labelled rows that the weights were fitted on. */
  readonly rows: number
  /** Mean squared error on training and on validation rows of weights fitted on training rows alone. */
  readonly train_mse: number
  readonly validation_mse: number
  readonly validation_rows: number
  /** On validation rows; null where it is not defined. */
  readonly r2: number | null
  readonly spearman: number | null
  /** Of the final weights on the rows that the data hold out; null where there are none. */
  readonly heldout: Metrics | null
  /** `mse` on validation rows; null for an alpha too small to solve for. */
  readonly grid: readonly { readonly alpha: number; readonly train_mse: number | null; readonly mse: number | null }[]
}

export interface Stage1Result {
  readonly format: 1
  /** Of the settings and of the ratings' embeddings. */
  readonly fingerprint: string
  /** SHA-256 of stage1.safetensors: a kill between the two files must not leave a pair that was never one. */
  readonly weights_sha256?: string
  readonly model: EmbeddedIndex['model']
  readonly hidden: number
  readonly objectives: readonly TrainedObjective[]
  readonly derived: readonly Required<DerivedObjective>[]
  readonly split: {
    readonly seed: number
    readonly validation: number
    readonly rows: Record<Split, number>
    /** Prompts of test pairs, which are held out; absent where they are not. */
    readonly test_prompts?: TestPrompts
  }
  readonly settings: Stage1Settings
  readonly warnings: readonly string[]
  /** Gram matrices, and what they take in bytes. */
  readonly grams: { readonly count: number; readonly bytes: number }
  readonly parts: readonly Measured[]
}

/**
 * @param weight `[objectives, hidden]`
 * @returns what stage1.json holds
 */
export async function writeStage1(work: string, result: Stage1Result, weight: Float32Array): Promise<Stage1Result> {
  const shape = [result.objectives.length, result.hidden]
  const path = join(work, STAGE1_WEIGHTS)
  await writeSafetensors(path, new Map([['weight', { shape, values: weight }]]))
  const stored = { ...result, weights_sha256: (await checksum(path)).sha256 }
  await writeJson(join(work, STAGE1_FILE), stored)
  return stored
}

/**
 * What stage 1 has written.
 * @returns with `weight` `[objectives, hidden]`
 * @throws ArmormError invalid_work when it is missing or does not fit together
 */
export async function readStage1(work: string): Promise<{ result: Stage1Result; weight: Float32Array }> {
  const path = join(work, STAGE1_FILE)
  const result = (await requiredJson(path, 'stage1')) as Partial<Stage1Result>
  const damaged = (cause?: unknown) =>
    new ArmormError(
      'invalid_work',
      `${path} and ${STAGE1_WEIGHTS} do not fit; run armorm train stage1 again`,
      {},
      cause
    )
  if (result.format !== 1 || !Array.isArray(result.objectives)) throw damaged()
  if (!(await hasSha256(join(work, STAGE1_WEIGHTS), result.weights_sha256))) throw damaged()
  const reader = await SafetensorsReader.openFile(join(work, STAGE1_WEIGHTS)).catch((error: unknown) => {
    throw damaged(error)
  })
  try {
    const [objectives, hidden] = reader.has('weight') ? reader.info('weight').shape : []
    if (objectives !== result.objectives.length || hidden !== result.hidden) throw damaged()
    return { result: result as Stage1Result, weight: await reader.readAll('weight') }
  } finally {
    await reader.close()
  }
}
