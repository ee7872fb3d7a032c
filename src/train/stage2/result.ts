/** Files of stage 2 in the work folder: stage2.json, and the gate in gating.safetensors. */
import type { MadeFrom } from '../made-from.js'
import type { Part } from '../pairs.js'
import { readStage, type StageFiles, type StageResult, writeStage } from '../stage-files.js'
import { gateTensors, type GateShape, type GateWeights } from './gate.js'
import type { Warning } from './monitors.js'
import type { GateSettings } from './settings.js'
import type { CurvePoint } from './train-gate.js'

export const STAGE2_FILE = 'stage2.json'
export const GATING_WEIGHTS = 'gating.safetensors'
const FILES: StageFiles = { stage: 'stage2', json: STAGE2_FILE, weights: GATING_WEIGHTS }

/** Mean gate weights of some prompts; they add up to 1, the scale is not in them. */
export interface MeanWeights {
  readonly pairs: number
  readonly weights: readonly number[]
  readonly entropy: number
  readonly top_share: number
}

export interface Stage2Result extends StageResult {
  /** Of the settings, stages before, and the preferences' embeddings. */
  readonly fingerprint: string
  readonly made_from?: MadeFrom
  readonly settings: GateSettings
  /** Of the gate that is kept. */
  readonly seed: number
  readonly shape: GateShape
  readonly objectives: readonly string[]
  readonly split: {
    readonly seed: number
    readonly validation_share: number
    readonly test_share: number
    readonly pairs: Readonly<Record<Part, number>>
  }
  readonly first_logit_scale: number
  readonly logit_scale: number
  readonly curve: readonly CurvePoint[]
  readonly best: CurvePoint
  readonly stopped_early: boolean
  /** The best look of each seed. */
  readonly seeds: readonly { readonly seed: number; readonly best: CurvePoint }[]
  /** Accuracies on the validation pairs of what needs no gate. */
  readonly simpler: Readonly<Record<string, number>>
  readonly warnings: readonly Warning[]
  /** Over the pairs that are not trained on, all and by category. */
  readonly weights: { readonly all: MeanWeights; readonly categories: Readonly<Record<string, MeanWeights>> }
  readonly seconds: number
  readonly steps_per_second: number
}

/** @returns what stage2.json holds */
export function writeStage2(work: string, result: Stage2Result, gate: GateWeights): Promise<Stage2Result> {
  const tensors = gateTensors(result.shape).map(({ name, shape }) => [name, { shape, values: gate[name]! }] as const)
  return writeStage(work, FILES, result, new Map(tensors))
}

/**
 * What stage 2 has written.
 * @throws ArmormError invalid_work when it is missing or does not fit together
 */
export async function readStage2(work: string): Promise<{ result: Stage2Result; gate: GateWeights }> {
  const { result, weights: gate } = await readStage<Stage2Result, GateWeights>(work, FILES, async (reader, found) => {
    if (!found.shape) return null
    const weights: Record<string, Float32Array> = {}
    for (const { name, shape } of gateTensors(found.shape)) {
      if (!reader.has(name) || reader.info(name).shape.join() !== shape.join()) return null
      weights[name] = await reader.readAll(name)
    }
    return weights
  })
  return { result, gate }
}
