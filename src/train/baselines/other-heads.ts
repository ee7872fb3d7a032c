/** Heads that were trained elsewhere, on the same backbone, as something to compare with. */
import { parseHeadsConfig, readConfigJson } from '../../checkpoint/config.js'
import { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { checkShapes, headTensors } from '../../checkpoint/tensors.js'
import { ArmormError } from '../../errors.js'
import { heads } from '../../reference/heads.js'
import { loadHeads } from '../../reference/model.js'
import type { PairSet } from '../pairs.js'

/**
 * Margins of the test pairs by the heads of a checkpoint.
 * @param folder with config.json and the head tensors; whether they were trained on the same states is the caller's to know
 * @throws ArmormError unsupported_checkpoint; invalid_config when its heads read states of another width
 */
export async function otherHeadsMargins(folder: string, pairs: PairSet): Promise<Float64Array> {
  const config = parseHeadsConfig(await readConfigJson(folder), Number.MAX_SAFE_INTEGER)
  const { hidden, promptStates, states } = pairs
  if (config.hiddenSize !== hidden) {
    const message = `baselines.compare: heads in ${folder} read states of ${config.hiddenSize} numbers, and these have ${hidden}`
    throw new ArmormError('invalid_config', message)
  }
  const reader = await SafetensorsReader.open(folder)
  try {
    checkShapes(reader, headTensors(config))
    const weights = await loadHeads(reader, config)
    const margins: number[] = []
    for (const row of pairs.parts.test) {
      const state = (all: Float32Array) => Float64Array.from(all.subarray(row * hidden, (row + 1) * hidden))
      // The ratings are linear and the prompt is one: the score of the difference is the difference of the scores.
      margins.push((await heads(weights, state(states), state(promptStates))).score)
    }
    return Float64Array.from(margins)
  } finally {
    await reader.close()
  }
}
