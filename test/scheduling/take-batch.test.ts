import fc from 'fast-check'
import t from 'tap'
import { takeBatch } from '../../src/scheduling/take-batch.js'

const waiting = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 })
const limits = fc.record({ tokens: fc.integer({ min: 1, max: 60 }), sequences: fc.integer({ min: 1, max: 6 }) })

/** What a batch costs: every row as long as the longest. */
const cost = (items: readonly { tokens: number }[]) =>
  items.length * items.reduce((longest, { tokens }) => Math.max(longest, tokens), 0)

/** Runs a check over random queues; items are numbered in order of arrival. */
function property(
  name: string,
  check: (
    items: readonly { tokens: number; index: number }[],
    taken: ReturnType<typeof takeBatch<{ tokens: number; index: number }>>,
    limits: { tokens: number; sequences: number }
  ) => boolean
): void {
  t.test(name, async () => {
    fc.assert(
      fc.property(waiting, limits, (lengths, { tokens, sequences }) => {
        const items = lengths.map((length, index) => ({ tokens: length, index }))
        return check(items, takeBatch(items, tokens, sequences), { tokens, sequences })
      })
    )
  })
}

property('nothing is lost, nothing comes twice', (items, { batch, rest }) => {
  const indices = [...batch, ...rest].map(({ index }) => index).sort((a, b) => a - b)
  return indices.length === items.length && indices.every((index, i) => index === i)
})

property('order of arrival is kept in both', (_items, { batch, rest }) =>
  [batch, rest].every((part) => part.every(({ index }, i) => i === 0 || part[i - 1]!.index < index))
)

property('the oldest always goes', (_items, { batch }) => batch[0]!.index === 0)

property(
  'both budgets are kept, unless one sequence alone exceeds the tokens',
  (_items, { batch }, { tokens, sequences }) =>
    batch.length <= sequences && (cost(batch) <= tokens || batch.length === 1)
)

property('whatever stays would not have fitted', (_items, { batch, rest }, { tokens, sequences }) => {
  if (batch.length === sequences) return true
  return rest.every((item) => cost([...batch.filter(({ index }) => index < item.index), item]) > tokens)
})

t.test('written out', async (t) => {
  const take = (lengths: number[], tokens: number, sequences: number) => {
    const { batch, rest } = takeBatch(
      lengths.map((length) => ({ tokens: length })),
      tokens,
      sequences
    )
    return [batch, rest].map((part) => part.map((item) => item.tokens))
  }
  t.strictSame(take([5, 9, 3, 2, 1], 15, 8), [
    [5, 3, 2],
    [9, 1]
  ])
  t.strictSame(
    take([4, 1, 1, 1], 10, 8),
    [
      [4, 1],
      [1, 1]
    ],
    'short ones count as the long one beside them'
  )
  t.strictSame(take([50, 1], 10, 8), [[50], [1]], 'too long for any batch: alone')
  t.strictSame(take([1, 1, 1], 10, 2), [[1, 1], [1]])
  t.strictSame(take([], 10, 2), [[], []])
})
