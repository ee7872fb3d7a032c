/** All numbers of one item in one list, for contracts that know only lists; their trainers read the last one. */
import { Type } from 'typebox'
import type { ContractReward } from './scoring.js'

export const Vector = Type.Array(Type.Number(), {
  description: 'Ratings of the objectives that --extra-objectives names, and the reward as the last.'
})

/** `[extras + 1]`, the reward last. @param activated - all calibrated to 0..1 instead. */
export function vectorOf(item: ContractReward, activated: boolean): number[] {
  return activated ? [...item.calibratedExtras, item.calibrated] : [...item.extras, item.reward]
}

/** Float32, little-endian, in base64: what OpenAI's clients ask for. */
export function base64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((value, i) => bytes.writeFloatLE(value, i * 4))
  return bytes.toString('base64')
}
