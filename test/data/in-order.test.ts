import t from 'tap'
import { inOrder } from '../../src/data/in-order.js'

async function* upTo(count: number) {
  for (let i = 0; i < count; i++) yield i
}

t.test('results come in the order of the items, whatever ends first; no more are under way than may be', async (t) => {
  let running = 0
  let most = 0
  const work = async (item: number) => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn < (item * 7) % 11; turn++) await Promise.resolve()
    running--
    return item
  }
  const found: number[] = []
  for await (const item of inOrder(upTo(40), 5, work)) found.push(item)
  t.strictSame(
    found,
    Array.from({ length: 40 }, (_, i) => i)
  )
  t.ok(most > 1 && most <= 5)
})

t.test('a failure is told in its turn, after the results before it', async (t) => {
  const found: number[] = []
  const work = async (item: number) => {
    if (item === 3) throw new Error('three')
    return item
  }
  const all = async () => {
    for await (const item of inOrder(upTo(10), 8, work)) found.push(item)
  }
  await t.rejects(all(), { message: 'three' })
  t.strictSame(found, [0, 1, 2])
})
