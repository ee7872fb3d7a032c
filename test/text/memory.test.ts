import t from 'tap'
import { IdMemory, TextMemory } from '../../src/text/memory.js'

t.test('gives back what it was given, and only that', async (t) => {
  const memory = new IdMemory(100_000)
  const all = [7, 8, 9]
  memory.remember('two', all, 1)
  memory.remember('one', all, 2)
  memory.remember('none', all, 3)
  const into = [1]
  t.ok(memory.recall('two', into) && memory.recall('one', into) && memory.recall('none', into))
  t.strictSame(into, [1, 8, 9, 9])
  t.notOk(memory.recall('three', into))
  t.strictSame(into, [1, 8, 9, 9])
})

t.test('what callers do to their arrays changes nothing that is kept', async (t) => {
  const memory = new IdMemory(100_000)
  const given = [1, 2, 3]
  memory.remember('text', given, 0)
  given.fill(99)
  const first: number[] = []
  memory.recall('text', first)
  first.fill(77)
  const second: number[] = []
  memory.recall('text', second)
  t.strictSame(second, [1, 2, 3])
})

t.test('stays within its bytes, and forgets what was not used for longest', async (t) => {
  const bytes = 50_000
  const memory = new IdMemory(bytes)
  memory.remember('kept', [1], 0)
  for (let i = 0; i < 1000; i++) {
    memory.remember(`text ${i}`, [i, i, i], 0)
    t.ok(memory.recall('kept', []))
    if (memory.bytes > bytes) t.fail(`${memory.bytes} bytes are kept`)
  }
  t.notOk(memory.recall('text 0', []))
  t.ok(memory.recall('text 999', []))
  memory.remember('x'.repeat(bytes), [1], 0)
  t.notOk(memory.recall('x'.repeat(bytes), []), 'what exceeds the bound is not kept')
})

t.test('texts that are alike in part are told apart', async (t) => {
  const memory = new IdMemory(100_000)
  const texts = [
    'a'.repeat(12),
    'a'.repeat(13),
    'a'.repeat(14),
    'é'.repeat(13),
    'e\u0301'.repeat(13),
    '\ud800'.repeat(13)
  ]
  texts.forEach((text, i) => memory.remember(text, [i], 0))
  texts.forEach((text, i) => {
    const ids: number[] = []
    memory.recall(text, ids)
    t.strictSame(ids, [i])
  })
  t.notOk(memory.recall('\ufffd'.repeat(13), []), 'a lone surrogate is not what replaces it in UTF-8')
})

t.test('0 bytes remember nothing', async (t) => {
  const memory = new IdMemory(0)
  memory.remember('text', [1], 0)
  t.notOk(memory.recall('text', []))
  t.equal(memory.bytes, 0)
})

t.test('a text is made once, unless making it failed', async (t) => {
  const memory = new TextMemory(100_000)
  let made = 0
  const make = () => `${++made}`.repeat(20)
  t.equal(memory.get({ a: [1] }, make), '1'.repeat(20))
  t.equal(memory.get({ a: [1] }, make), '1'.repeat(20))
  t.equal(memory.get({ a: [2] }, make), '2'.repeat(20))
  const fail = () => {
    throw new Error('no')
  }
  t.throws(() => memory.get('x', fail), /no/)
  t.throws(() => memory.get('x', fail), /no/)
})
