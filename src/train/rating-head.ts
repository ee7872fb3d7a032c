/** What stage 1 and debiasing made, as the later steps read it. */
import { join } from 'node:path'
import { SafetensorsReader } from '../checkpoint/safetensors.js'
import { ArmormError } from '../errors.js'
import { readJson } from './work-files.js'

/** Shapes: K objectives, H width of the states. */
export interface RatingHead {
  /** `[K]` names. */
  readonly objectives: readonly string[]
  /** H */
  readonly hidden: number
  /** `[K, H]`; ratings are states times its transpose. */
  readonly weight: Float32Array
  /** `[K, K]`; adjusted_j = sum_i rating_i transform[i][j]. */
  readonly transform: readonly (readonly number[])[]
  /** Of the two steps. */
  readonly fingerprints: readonly string[]
}

/**
 * Reads stage1.safetensors, stage1.json and debias.json of a work folder.
 * @throws ArmormError invalid_work naming the file that is missing or damaged
 */
export async function readRatingHead(work: string): Promise<RatingHead> {
  const stage1 = (await readPart(work, 'stage1')) as { objectives?: { name?: unknown }[]; fingerprint?: string }
  const objectives = (stage1.objectives ?? []).map(({ name }) => String(name))
  if (objectives.length === 0) throw damaged(join(work, 'stage1.json'), 'stage1')
  const debias = (await readPart(work, 'debias')) as { transform?: number[][]; fingerprint?: string }
  const { transform } = debias
  const size = objectives.length
  const square =
    Array.isArray(transform) &&
    transform.length === size &&
    transform.every((row) => Array.isArray(row) && row.length === size && row.every(Number.isFinite))
  if (!square) throw damaged(join(work, 'debias.json'), 'debias')

  const path = join(work, 'stage1.safetensors')
  let reader: SafetensorsReader
  try {
    reader = await SafetensorsReader.openFile(path)
  } catch (error) {
    throw damaged(path, 'stage1', error)
  }
  try {
    const [rows, hidden] = reader.has('weight') ? reader.info('weight').shape : []
    if (rows !== size || hidden === undefined) throw damaged(path, 'stage1')
    const fingerprints = [stage1.fingerprint ?? '', debias.fingerprint ?? '']
    return { objectives, hidden, weight: await reader.readAll('weight'), transform, fingerprints }
  } finally {
    await reader.close()
  }
}

async function readPart(work: string, step: string): Promise<object> {
  const path = join(work, `${step}.json`)
  const value = await readJson(path)
  if (value === undefined) throw new ArmormError('invalid_work', `${path} does not exist; run armorm train ${step}`)
  if (typeof value !== 'object' || value === null) throw damaged(path, step)
  return value
}

function damaged(path: string, step: string, cause?: unknown): ArmormError {
  return new ArmormError('invalid_work', `${path} is missing or damaged; run armorm train ${step} again`, {}, cause)
}
