/** What a stage leaves in the work folder: its figures as JSON and, held to them by their SHA-256, its weights. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checksum } from '../bundle/files.js'
import { SafetensorsReader } from '../checkpoint/safetensors.js'
import { type Matrix, writeSafetensors } from '../checkpoint/write-safetensors.js'
import { ArmormError } from '../errors.js'
import { requiredJson, writeJson } from './work-files.js'

export interface StageFiles {
  /** As in `armorm train <stage>`. */
  readonly stage: string
  /** Names in the work folder. */
  readonly json: string
  readonly weights: string
}

export interface StageResult {
  readonly format: 1
  /** SHA-256 of the weights' file: a kill between the two files must not leave a pair that was never one. */
  readonly weights_sha256?: string
}

/** @returns what the JSON file holds */
export async function writeStage<R extends StageResult>(
  work: string,
  files: StageFiles,
  result: R,
  tensors: ReadonlyMap<string, Matrix>
): Promise<R> {
  const path = join(work, files.weights)
  await writeSafetensors(path, tensors)
  const stored = { ...result, weights_sha256: (await checksum(path)).sha256 }
  await writeJson(join(work, files.json), stored)
  return stored
}

/**
 * What a stage has written.
 * @param readWeights - of the open file; null where the result is not whole, or the tensors are not those that it states
 * @throws ArmormError invalid_work when a file is missing, or the two do not fit together
 */
export async function readStage<R extends StageResult, W>(
  work: string,
  { stage, json, weights: name }: StageFiles,
  readWeights: (reader: SafetensorsReader, result: Partial<R>) => Promise<W | null>
): Promise<{ result: R; weights: W }> {
  const [path, weightsPath] = [join(work, json), join(work, name)]
  const result = (await requiredJson(path, stage)) as Partial<R>
  const damaged = (cause?: unknown) =>
    new ArmormError('invalid_work', `${path} and ${name} do not fit; run armorm train ${stage} again`, {}, cause)
  if (result.format !== 1 || !(await hasSha256(weightsPath, result.weights_sha256))) throw damaged()
  const reader = await SafetensorsReader.openFile(weightsPath).catch((error: unknown) => {
    throw damaged(error)
  })
  try {
    const weights = await readWeights(reader, result)
    if (weights === null) throw damaged()
    return { result: result as R, weights }
  } finally {
    await reader.close()
  }
}

/** Whether a file has the SHA-256 that is stated; true where none is. */
async function hasSha256(path: string, stated: string | undefined): Promise<boolean> {
  return stated === undefined || (existsSync(path) && (await checksum(path)).sha256 === stated)
}
