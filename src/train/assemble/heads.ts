/** The trained heads in the work folder, as tensors of a checkpoint. */
import { join } from 'node:path'
import { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { float32Source, type Matrix, type TensorSource } from '../../checkpoint/write-safetensors.js'
import { ArmormError } from '../../errors.js'
import { readDebias } from '../debias/result.js'
import { readStage1, type Stage1Result } from '../stage1/result.js'
import { readJson } from '../work-files.js'

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

const GATE_FILE = 'gating.safetensors'
const STAGE2_FILE = 'stage2.json'

/**
 * Reads stage1.safetensors, debias.json, gating.safetensors and their descriptions.
 * @throws ArmormError invalid_work naming the file that is missing, damaged, or of another shape than the others
 */
export async function readHeads(work: string): Promise<Heads> {
  const { result, weight } = await readStage1(work)
  const { hidden, model } = result
  const objectives = result.objectives.map(({ name }) => name)
  const count = objectives.length
  const debias = await readDebias(work, objectives)
  const transform = Float32Array.from(debias.transform.flat())
  if (transform.length !== count * count) {
    throw damaged(join(work, 'debias.json'), 'debias', `its transform is not ${count} x ${count}`)
  }
  const gate = await readGate(work, hidden, count)
  const matrices: [string, Matrix][] = [
    ['regression_layer.weight', { shape: [count, hidden], values: weight }],
    ['reward_transform_matrix', { shape: [count, count], values: transform }],
    ...gate.tensors.map(([name, matrix]) => [`gating.${name}`, matrix] as [string, Matrix])
  ]
  for (const [name, { values }] of matrices) {
    const index = values.findIndex((value) => !Number.isFinite(value))
    if (index >= 0) throw new ArmormError('invalid_work', `${work}: ${name} holds ${values[index]}`)
  }
  const tensors = matrices.map(([name, matrix]) => float32Source(name, matrix))
  const { layers, width, temperature } = gate
  return { objectives, removed: debias.removed, hidden, gate: { layers, width, temperature }, model, tensors }
}

interface Gate {
  readonly layers: number
  readonly width: number
  readonly temperature: number
  /** Without `gating.`, in the order of the layers. */
  readonly tensors: readonly (readonly [string, Matrix])[]
}

async function readGate(work: string, hidden: number, objectives: number): Promise<Gate> {
  const path = join(work, GATE_FILE)
  const described = (await readJson(join(work, STAGE2_FILE))) as { settings?: { temperature?: unknown } } | undefined
  if (described === undefined) {
    throw new ArmormError('invalid_work', `${join(work, STAGE2_FILE)} does not exist; armorm train stage2 writes it`)
  }
  const temperature = described.settings?.temperature
  if (typeof temperature !== 'number' || !(temperature > 0)) {
    throw damaged(join(work, STAGE2_FILE), 'stage2', 'it states no temperature')
  }
  const reader = await SafetensorsReader.openFile(path).catch((error: unknown) => {
    throw damaged(path, 'stage2', 'it cannot be read', error)
  })
  try {
    const layers = reader.names().filter((name) => /^layers\.\d+\.weight$/.test(name)).length - 1
    if (layers < 0) throw damaged(path, 'stage2', 'it has no layer')
    const width = layers > 0 && reader.has('layers.0.weight') ? reader.info('layers.0.weight').shape[0]! : 1
    const tensors: [string, Matrix][] = []
    const take = async (name: string, ...shape: number[]): Promise<void> => {
      const found = reader.has(name) ? reader.info(name).shape : null
      if (found?.join() !== shape.join()) {
        throw damaged(
          path,
          'stage2',
          `${name} is ${found ? `[${found.join(', ')}]` : 'missing'}, not [${shape.join(', ')}]`
        )
      }
      tensors.push([name, { shape, values: await reader.readAll(name) }])
    }
    for (let layer = 0; layer <= layers; layer++) {
      const out = layer === layers ? objectives : width
      await take(`layers.${layer}.weight`, out, layer === 0 ? hidden : width)
      await take(`layers.${layer}.bias`, out)
    }
    await take('logit_scale', 1)
    return { layers, width, temperature, tensors }
  } finally {
    await reader.close()
  }
}

function damaged(path: string, step: string, why: string, cause?: unknown): ArmormError {
  return new ArmormError('invalid_work', `${path}: ${why}; run armorm train ${step} again`, {}, cause)
}
