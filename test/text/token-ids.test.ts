import t from 'tap'
import { encodeIds, findGate, truncate } from '../../src/text/token-ids.js'
import { refuses } from './support.js'

const limits = { maxTokens: 8, vocabSize: 100, gatePattern: [7, 8, 9] }
const ids = (...list: number[]) => list

t.test('ids are used as they are; the gate is the start of the last match', async (t) => {
  t.strictSame(encodeIds([1, 7, 8, 9, 5, 7, 8, 9], limits, 'none'), {
    ids: Int32Array.of(1, 7, 8, 9, 5, 7, 8, 9),
    gateIndex: 5,
    promptTokens: 8,
    trimmedTokens: 0
  })
})

t.test('ids outside the vocabulary', async (t) => {
  for (const [bad, index] of [
    [[0, 100, 7, 8, 9], 1],
    [[-1, 7, 8, 9], 0],
    [[7, 8, 9, 1.5], 3],
    [[7, 8, 9, NaN], 3]
  ] as const) {
    const error = refuses(t, 'invalid_token_ids', new RegExp(`^token ${index} `), () => encodeIds(bad, limits, 'none'))
    t.match(error.details, { token_index: index, vocab_size: 100 })
  }
  refuses(t, 'invalid_token_ids', /empty/, () => encodeIds([], limits, 'none'))
})

t.test('no gate', async (t) => {
  refuses(t, 'no_gate', /\[7, 8, 9\]/, () => findGate([1, 7, 8], [7, 8, 9]))
  refuses(t, 'no_gate', /no token pattern/, () => findGate([7, 8, 9], null))
  // The last header's end merged with the answer: the earlier turn's must not be taken for it.
  refuses(t, 'no_gate', /merged/, () => findGate([7, 8, 9, 5, 7, 8, 10, 5], [7, 8, 9]))
})

t.test('too long', async (t) => {
  const long = ids(1, 2, 3, 4, 5, 7, 8, 9, 6, 6)
  const error = refuses(t, 'too_long', /10 tokens.* 8/, () => encodeIds(long, limits, 'none'))
  t.strictSame(error.details, { tokens: 10, max_tokens: 8 })
  t.strictSame(encodeIds(long, limits, 'prompt_left'), {
    ids: Int32Array.of(3, 4, 5, 7, 8, 9, 6, 6),
    gateIndex: 3,
    promptTokens: 6,
    trimmedTokens: 2
  })
})

t.test('trimming keeps a leading BOS and everything from the gate on', async (t) => {
  const positions = { ids: [1, 2, 3, 4, 5, 7, 8, 9, 6, 6], gateIndex: 5, promptTokens: 8 }
  t.strictSame(truncate(positions, 7, 'prompt_left', 1), {
    ids: Int32Array.of(1, 5, 7, 8, 9, 6, 6),
    gateIndex: 2,
    promptTokens: 5,
    trimmedTokens: 3
  })
  t.strictSame([...truncate(positions, 6, 'prompt_left', 1).ids], [1, 7, 8, 9, 6, 6])
  t.strictSame([...truncate(positions, 5, 'prompt_left', 2).ids], [7, 8, 9, 6, 6], 'another first token is no BOS')
  const error = refuses(t, 'too_long', /6 of them not to be trimmed/, () => truncate(positions, 5, 'prompt_left', 1))
  t.strictSame(error.details, { tokens: 10, max_tokens: 5, required_tokens: 6 })
  t.equal(truncate(positions, 10, 'prompt_left', 1).trimmedTokens, 0, 'what fits is not trimmed')
})

t.test('a gate at the BOS itself leaves nothing to trim', async (t) => {
  const positions = { ids: [7, 8, 9, 6, 6], gateIndex: 0, promptTokens: 3 }
  refuses(t, 'too_long', /5 of them/, () => truncate(positions, 4, 'prompt_left', 7))
})
