/** Files of stage 1 in the work folder: stage1.json, and the head's `weight` in stage1.safetensors. */
import type { EmbeddedIndex } from '../embedded-set.js'
import type { Measured } from '../measure.js'
import { readStage, type StageFiles, type StageResult, writeStage } from '../stage-files.js'
import type { TestPrompts } from '../test-prompts.js'
import type { Metrics } from './evaluation.js'
import type { DerivedObjective, Stage1Settings } from './settings.js'
import type { Split } from './survey.js'

export const STAGE1_FILE = 'stage1.json'
export const STAGE1_WEIGHTS = 'stage1.safetensors'
const FILES: StageFiles = { stage: 'stage1', json: STAGE1_FILE, weights: STAGE1_WEIGHTS }

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

export interface Stage1Result extends StageResult {
  /** Of the settings and of the ratings' embeddings. */
  readonly fingerprint: string
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
export function writeStage1(work: string, result: Stage1Result, weight: Float32Array): Promise<Stage1Result> {
  const shape = [result.objectives.length, result.hidden]
  return writeStage(work, FILES, result, new Map([['weight', { shape, values: weight }]]))
}

/**
 * What stage 1 has written.
 * @returns with `weight` `[objectives, hidden]`
 * @throws ArmormError invalid_work when it is missing or does not fit together
 */
export async function readStage1(work: string): Promise<{ result: Stage1Result; weight: Float32Array }> {
  const { result, weights: weight } = await readStage<Stage1Result, Float32Array>(
    work,
    FILES,
    async (reader, { objectives: trained, hidden: width }) => {
      const [objectives, hidden] = reader.has('weight') ? reader.info('weight').shape : []
      const fits = Array.isArray(trained) && objectives === trained.length && hidden === width
      return fits ? reader.readAll('weight') : null
    }
  )
  return { result, weight }
}
