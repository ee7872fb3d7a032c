/** Hadamard matrices: orthogonal, all entries of one size, so that they spread a single large value over a whole block. */

/** Largest block that is used; a random orthogonal matrix mixes the blocks. */
export const HADAMARD_BLOCK = 64

/** Largest power of two that divides `size`, at most HADAMARD_BLOCK. */
export function hadamardBlock(size: number): number {
  let block = 1
  while (block < HADAMARD_BLOCK && size % (2 * block) === 0) block *= 2
  return block
}

/**
 * Multiplies every `block` values that follow one another with the normalized Hadamard matrix of that size (Sylvester's),
 * in place. It is symmetric and orthogonal: the same again takes it back.
 * @param block a power of two that divides the number of values
 */
export function transformBlocks(values: Float64Array, block: number): void {
  const norm = 1 / Math.sqrt(block)
  for (let start = 0; start < values.length; start += block) {
    for (let half = 1; half < block; half *= 2) {
      for (let group = start; group < start + block; group += 2 * half) {
        for (let i = group; i < group + half; i++) {
          const [a, b] = [values[i]!, values[i + half]!]
          values[i] = a + b
          values[i + half] = a - b
        }
      }
    }
    for (let i = start; i < start + block; i++) values[i]! *= norm
  }
}
