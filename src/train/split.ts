/** Which rows are for validation: decided by key, so that rows of one prompt are never on both sides. */
import { seeded } from '../random.js'

/**
 * Whether the rows of a key belong to the validation split. The same key and seed give the same answer whatever else is
 * in the data, so more data moves no row to the other side.
 * @param share expected share of the keys, 0..1
 */
export function inValidation(key: string, seed: number, share: number): boolean {
  // FNV-1a over the UTF-16 units.
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return seeded(hash ^ seed)() < share
}
