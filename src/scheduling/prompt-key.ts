/** A number that stands for a prompt: equal prompts have equal ones. */

const FNV_PRIME = 0x01000193
const MURMUR_PRIME = 0x5bd1e995

/**
 * 53-bit digest of the first `promptTokens` token ids: two 32-bit hashes (FNV-1a, and a multiply-rotate with another
 * constant). It plans batches, and decides no result: two prompts that fell together would only be counted as one.
 */
export function promptKey(ids: Int32Array, promptTokens: number): number {
  let a = 0x811c9dc5 ^ promptTokens
  let b = promptTokens
  for (let i = 0; i < promptTokens; i++) {
    const id = ids[i]!
    a = Math.imul(a ^ id, FNV_PRIME)
    // FNV's low bits depend on the ids' low bits alone.
    a ^= a >>> 15
    b = Math.imul(((b << 13) | (b >>> 19)) ^ id, MURMUR_PRIME)
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11)
}
