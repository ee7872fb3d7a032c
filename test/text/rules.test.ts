import t from 'tap'
import type { Message } from '../../src/text/conversation.js'
import { checkMessages } from '../../src/text/rules.js'
import { assistant, refuses, system, user } from './support.js'

t.test('conversations that can be rated', async (t) => {
  for (const messages of [
    [user('q'), assistant('a')],
    [user(''), assistant('')],
    [
      system('s'),
      { role: 'developer', content: 'd' },
      user('q'),
      assistant('a'),
      { role: 'tool', content: '1' },
      assistant('b')
    ],
    [user('q'), user('r'), assistant('a'), assistant('b')]
  ]) {
    t.strictSame(checkMessages(messages), messages)
  }
})

t.test('conversations that cannot, with the message at fault', async (t) => {
  const refused = (messages: unknown[], message: RegExp, index?: number) => {
    const error = refuses(t, 'invalid_conversation', message, () => checkMessages(messages as Message[]))
    t.equal(error.details['message_index'], index)
  }
  refused([], /empty/)
  refused([assistant('a')], /no user message/)
  refused([system('s'), assistant('a')], /no user message/)
  refused([user('q')], /message 0 is the last and not the assistant's/, 0)
  refused([user('q'), assistant('a'), user('r')], /message 2 is the last/, 2)
  refused([{ content: 'q' }, assistant('a')], /message 0 has no role/, 0)
  refused([user('q'), { role: 'bot', content: 'a' }], /message 1 has an unknown role/, 1)
  refused([user('q'), { role: 'Assistant', content: 'a' }], /unknown role/, 1)
  refused([{ role: 'user' }, assistant('a')], /message 0 has no content/, 0)
  refused([{ role: 'user', content: [{ type: 'text', text: 'q' }] }, assistant('a')], /no content that is a string/, 0)
  refused([null, assistant('a')], /message 0 has no role/, 0)
})

t.test('lone surrogates become U+FFFD, pairs stay', async (t) => {
  const [message] = checkMessages([user('a\ud800b\udc00😀\ud83d'), assistant('')])
  t.equal(message?.content, 'a\ufffdb\ufffd😀\ufffd')
})
