import t from 'tap'
import { RememberedTokens } from '../../src/scoring/remembered-tokens.js'
import type { Conversation, Truncation } from '../../src/text/conversation.js'

function counting(maxBytes = 10_000) {
  let encoded = 0
  const tokens = new RememberedTokens(
    {
      encode: async (conversation: Conversation) => {
        encoded++
        const length = conversation.kind === 'text' ? conversation.text.length : 1
        return { ids: new Int32Array(length), gateIndex: 0, promptTokens: 1, trimmedTokens: 0 }
      }
    },
    maxBytes
  )
  return { tokens, count: () => encoded }
}

const text = (text: string): Conversation => ({ kind: 'text', text })

t.test(
  'the same conversation is tokenized once; another one, or another truncation, is not taken for it',
  async (t) => {
    const { tokens, count } = counting()
    const all: [Conversation, Truncation][] = [
      [text('a'), 'none'],
      [text('a'), 'prompt_left'],
      [text('b'), 'none'],
      [{ kind: 'ids', ids: [1] }, 'none'],
      [{ kind: 'messages', messages: [{ role: 'user', content: 'a' }] }, 'none'],
      [{ kind: 'messages', messages: [{ role: 'a', content: 'user' }] }, 'none']
    ]
    for (const [conversation, truncation] of all) {
      t.equal(tokens.recall(conversation, truncation), undefined)
      const encoded = await tokens.encode(conversation, truncation)
      t.equal(tokens.recall(structuredClone(conversation), truncation), encoded)
      t.equal(await tokens.encode(structuredClone(conversation), truncation), encoded)
    }
    t.equal(count(), all.length)
  }
)

t.test('memory is bounded, and none is taken where none is given', async (t) => {
  const { tokens } = counting(4000)
  for (let i = 0; i < 10; i++) await tokens.encode(text(String(i).padEnd(100)), 'none')
  t.equal(tokens.recall(text('0'.padEnd(100)), 'none'), undefined)
  t.ok(tokens.recall(text('9'.padEnd(100)), 'none'))
  const none = counting(0)
  await none.tokens.encode(text('a'), 'none')
  await none.tokens.encode(text('a'), 'none')
  t.equal(none.count(), 2)
})

t.test('what fails is not remembered', async (t) => {
  const tokens = new RememberedTokens({ encode: () => Promise.reject(new Error('no')) }, 1000)
  await t.rejects(tokens.encode(text('a'), 'none'), { message: 'no' })
  t.equal(tokens.recall(text('a'), 'none'), undefined)
})
