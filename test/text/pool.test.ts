import t, { type Test } from 'tap'
import type { Conversation } from '../../src/text/conversation.js'
import { CHARACTERS_PER_TOKEN, TokenizerPool, type TokenizerPoolOptions } from '../../src/text/pool.js'
import { assistant, SMOLLM2_FOLDER, SMOLLM2_LIMITS, smollm2, SMOLLM2_PATTERN, user } from './support.js'

async function pool(test: Test, options: Partial<TokenizerPoolOptions> = {}): Promise<TokenizerPool> {
  const defaults = { folder: SMOLLM2_FOLDER, hasTokenizer: true, threads: 1, deadlineMs: 60_000 }
  const created = await TokenizerPool.create({ ...SMOLLM2_LIMITS, ...defaults, ...options })
  test.teardown(() => created.close())
  return created
}

const chat = (question: string, answer = 'a'): Conversation => ({
  kind: 'messages',
  messages: [user(question), assistant(answer)]
})

t.test('encodes as the model does, many at once', async (t) => {
  const workers = await pool(t, { threads: 2 })
  const model = await smollm2()
  const inputs = Array.from({ length: 40 }, (_, i) => chat(`question ${i}`, `answer ${i * i}`))
  const encoded = await Promise.all(inputs.map((input) => workers.encode(input, 'none')))
  t.strictSame(
    encoded,
    inputs.map((input) => model.encode(input, 'none'))
  )
})

t.test('errors keep code, message and details', async (t) => {
  const workers = await pool(t, { maxTokens: 40 })
  await t.rejects(workers.encode({ kind: 'messages', messages: [user('q')] }, 'none'), {
    name: 'ArmormError',
    code: 'invalid_conversation',
    message: /message 0/,
    details: { message_index: 0 }
  })
  await t.rejects(workers.encode(chat('word '.repeat(50)), 'none'), {
    code: 'too_long',
    status: 422,
    details: { tokens: Number, max_tokens: 40 }
  })
  const trimmed = await workers.encode(chat('word '.repeat(50)), 'prompt_left')
  t.equal(trimmed.ids.length, 40)
  t.ok(trimmed.trimmedTokens > 0)
})

t.test('far too many characters are not tried, unless the prompt may be trimmed', async (t) => {
  const workers = await pool(t, { maxTokens: 40 })
  const characters = 40 * CHARACTERS_PER_TOKEN + 1
  await t.rejects(workers.encode(chat(' '.repeat(characters - 1)), 'none'), {
    code: 'text_too_large',
    details: { characters, max_characters: characters - 1, max_tokens: 40 }
  })
  await t.rejects(workers.encode({ kind: 'text', text: 'x'.repeat(characters) }, 'none'), { code: 'text_too_large' })
  const trimmed = await workers.encode(chat('word '.repeat(characters)), 'prompt_left')
  t.equal(trimmed.ids.length, 40)
})

/** A folder with a tokenizer whose pattern takes longer than anyone waits on a long run of x. */
function endless(test: Test): string {
  const characters = Array.from({ length: 128 }, (_, i) => [String.fromCharCode(i), i])
  return test.testdir({
    'tokenizer.json': JSON.stringify({
      added_tokens: [],
      model: { type: 'BPE', vocab: Object.fromEntries(characters) as object, merges: [] },
      pre_tokenizer: { type: 'Split', pattern: { Regex: '(x+x+)+y' }, behavior: 'Isolated', invert: false }
    }),
    'chat_template.jinja': "{% for m in messages %}{{ m.content + '|' }}{% endfor %}"
  })
}
const ENDLESS = chat('x'.repeat(200))

t.test('a text past the deadline is refused, those behind it are not', async (t) => {
  const workers = await pool(t, { folder: endless(t), deadlineMs: 3000 })
  const bad = workers.encode(ENDLESS, 'none')
  const behind = Array.from({ length: 5 }, (_, i) => workers.encode(chat(`q${i}`, 'abc'), 'none'))
  await t.rejects(bad, { code: 'text_too_large', details: { deadline_ms: 3000 } })
  for (const { ids } of await Promise.all(behind)) t.equal(ids.length, 'q0|abc|'.length)
})

t.test('ids need no worker; a leading BOS is known for trimming', async (t) => {
  const workers = await pool(t, { maxTokens: 10 })
  const ids = [1, 500, 501, 502, ...SMOLLM2_PATTERN, 600, 2]
  const encoded = await workers.encode({ kind: 'ids', ids }, 'prompt_left')
  t.strictSame([...encoded.ids], [1, 502, ...SMOLLM2_PATTERN, 600, 2])
  await t.rejects(workers.encode({ kind: 'ids', ids }, 'none'), { code: 'too_long' })
})

t.test('a bundle without tokenizer takes ids only', async (t) => {
  const workers = await pool(t, { folder: t.testdir({}), hasTokenizer: false })
  const ids = [5, ...SMOLLM2_PATTERN, 600]
  t.equal((await workers.encode({ kind: 'ids', ids }, 'none')).gateIndex, 1)
  await t.rejects(workers.encode(chat('q'), 'none'), { code: 'no_tokenizer' })
  await t.rejects(workers.encode({ kind: 'text', text: 'q' }, 'none'), { code: 'no_tokenizer' })
})

t.test('a tokenizer that does not load', async (t) => {
  const create = (folder: string) =>
    TokenizerPool.create({ ...SMOLLM2_LIMITS, folder, hasTokenizer: true, threads: 2, deadlineMs: 1000 })
  await t.rejects(create(t.testdir({})), { name: 'ArmormError', code: 'bundle_missing', message: /tokenizer\.json/ })
  await t.rejects(create(t.testdir({ 'tokenizer.json': '{' })), { code: 'bundle_invalid' })
})

t.test('after close everything is refused', async (t) => {
  const workers = await pool(t, { folder: endless(t) })
  const running = workers.encode(ENDLESS, 'none')
  const refused = t.rejects(running, { code: 'shutting_down' })
  await workers.close()
  await refused
  await t.rejects(workers.encode(chat('q'), 'none'), { code: 'shutting_down' })
  await workers.close()
})
