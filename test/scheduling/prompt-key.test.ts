import t from 'tap'
import { promptKey } from '../../src/scheduling/prompt-key.js'

t.test('equal prompts have equal keys, whatever follows and wherever they lie', async (t) => {
  const key = promptKey(Int32Array.of(1, 2, 3, 9), 3)
  t.equal(promptKey(Int32Array.of(1, 2, 3, 8, 8), 3), key)
  t.equal(promptKey(Int32Array.of(7, 1, 2, 3).subarray(1), 3), key)
  t.not(promptKey(Int32Array.of(1, 2, 3, 9), 4), key)
  t.not(promptKey(Int32Array.of(1, 3, 2), 3), key)
  t.ok(Number.isSafeInteger(key) && key >= 0)
})

t.test('a hundred thousand prompts that differ little have keys of their own', async (t) => {
  const keys = new Set<number>()
  for (let a = 0; a < 320; a++) for (let b = 0; b < 320; b++) keys.add(promptKey(Int32Array.of(128_000, a, b, 0), 4))
  t.equal(keys.size, 320 * 320)
})
