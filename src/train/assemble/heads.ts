/** The trained heads in the work folder, as tensors of a checkpoint. */
import { join } from 'node:path'
import { float32Source, type Matrix, type TensorSource } from '../../checkpoint/write-safetensors.js'
import { ArmormError } from '../../errors.js'
import { DEBIAS_FILE, readDebias } from '../debias/result.js'
import { readStage1, type Stage1Result } from '../stage1/result.js'
import { gateTensors } from '../stage2/gate.js'
import { checkMadeFrom } from '../made-from.js'
import { readStage2, STAGE2_FILE } from '../stage2/result.js'

export interface Heads {
  /** `[K]` names, in the order of the model. */
  readonly objectives: readonly string[]
  /** Objectives that the transform takes out of the others. */
  readonly removed: readonly string[]
  readonly hidden: number
  readonly gate: { readonly layers: number; readonly width: number; readonly temperature: number }
  /** The model whose states they were trained on. */
  readonly model: Stage1Result['model']
  /** Under the names of ArmoRM's checkpoint; float32. */
  readonly tensors: readonly TensorSource[]
}

/**
 * Reads stage1.safetensors, debias.json, gating.safetensors and their descriptions.
 * @throws ArmormError invalid_work naming the file that is missing, damaged, or of another shape than the others
 */
export async function readHeads(work: string): Promise<Heads> {
  const { result, weight } = await readStage1(work)
  const { hidden, model } = result
  const objectives = result.objectives.map(({ name }) => name)
  const count = objectives.length
  const debias = await readDebias(work, result)
  const transform = Float32Array.from(debias.transform.flat())
  if (transform.length !== count * count) {
    const path = join(work, DEBIAS_FILE)
    throw new ArmormError(
      'invalid_work',
      `${path}: its transform is not ${count} x ${count}; run armorm train debias again`
    )
  }
  const { result: stage2, gate } = await readStage2(work)
  const { shape, settings } = stage2
  checkMadeFrom(join(work, STAGE2_FILE), stage2.made_from, { stage1: result.fingerprint, debias: debias.fingerprint })
  if (shape.hidden !== hidden || JSON.stringify(stage2.objectives) !== JSON.stringify(objectives)) {
    const path = join(work, STAGE2_FILE)
    throw new ArmormError('invalid_work', `${path} is not of the heads of stage 1; run armorm train stage2 again`)
  }
  const matrices: [string, Matrix][] = [
    ['regression_layer.weight', { shape: [count, hidden], values: weight }],
    ['reward_transform_matrix', { shape: [count, count], values: transform }],
    ...gateTensors(shape).map(({ name, shape }): [string, Matrix] => [`gating.${name}`, { shape, values: gate[name]! }])
  ]
  for (const [name, { values }] of matrices) {
    const index = values.findIndex((value) => !Number.isFinite(value))
    if (index >= 0) throw new ArmormError('invalid_work', `${work}: ${name} holds ${values[index]}`)
  }
  const tensors = matrices.map(([name, matrix]) => float32Source(name, matrix))
  const { layers, width } = shape
  const { temperature } = settings
  return { objectives, removed: debias.removed, hidden, gate: { layers, width, temperature }, model, tensors }
}
