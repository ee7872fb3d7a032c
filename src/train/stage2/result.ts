/** Files of stage 2 in the work folder: stage2.json, and the gate in gating.safetensors. */
import { join } from 'node:path'
import { checksum } from '../../bundle/files.js'
import { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { writeSafetensors } from '../../checkpoint/write-safetensors.js'
import { ArmormError } from '../../errors.js'
import type { MadeFrom } from '../made-from.js'
import type { Part } from '../pairs.js'
import { hasSha256, requiredJson, writeJson } from '../work-files.js'
import { gateTensors, type GateShape, type GateWeights } from './gate.js'
import type { Warning } from './monitors.js'
import type { GateSettings } from './settings.js'
import type { CurvePoint } from './train-gate.js'

export const STAGE2_FILE = 'stage2.json'
export const GATING_WEIGHTS = 'gating.safetensors'

/** Mean gate weights of some prompts; they add up to 1, the scale is not in them. */
export interface MeanWeights {
  readonly pairs: number
  readonly weights: readonly number[]
  readonly entropy: number
  readonly top_share: number
}

export interface Stage2Result {
  readonly format: 1
  /** Of the settings, stages before, and the preferences' embeddings. */
  readonly fingerprint: string
  readonly made_from?: MadeFrom
  /** SHA-256 of gating.safetensors: a kill between the two files must not leave a pair that was never one. */
  readonly weights_sha256?: string
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
export async function writeStage2(work: string, result: Stage2Result, gate: GateWeights): Promise<Stage2Result> {
  const tensors = gateTensors(result.shape).map(({ name, shape }) => [name, { shape, values: gate[name]! }] as const)
  const path = join(work, GATING_WEIGHTS)
  await writeSafetensors(path, new Map(tensors))
  const stored = { ...result, weights_sha256: (await checksum(path)).sha256 }
  await writeJson(join(work, STAGE2_FILE), stored)
  return stored
}

/**
 * What stage 2 has written.
 * @throws ArmormError invalid_work when it is missing or does not fit together
 */
export async function readStage2(work: string): Promise<{ result: Stage2Result; gate: GateWeights }> {
  const path = join(work, STAGE2_FILE)
  const result = (await requiredJson(path, 'stage2')) as Partial<Stage2Result>
  const damaged = (cause?: unknown) =>
    new ArmormError(
      'invalid_work',
      `${path} and ${GATING_WEIGHTS} do not fit; run armorm train stage2 again`,
      {},
      cause
    )
  if (result.format !== 1 || !result.shape) throw damaged()
  if (!(await hasSha256(join(work, GATING_WEIGHTS), result.weights_sha256))) throw damaged()
  const reader = await SafetensorsReader.openFile(join(work, GATING_WEIGHTS)).catch((error: unknown) => {
    throw damaged(error)
  })
  try {
    const gate: Record<string, Float32Array> = {}
    for (const { name, shape } of gateTensors(result.shape)) {
      if (!reader.has(name) || reader.info(name).shape.join() !== shape.join()) throw damaged()
      gate[name] = await reader.readAll(name)
    }
    return { result: result as Stage2Result, gate }
  } finally {
    await reader.close()
  }
}
