import { readFile, rm, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import type { ArmormError } from '../../src/errors.js'
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

t.test('what nobody waits for any more is not tokenized', async (t) => {
  const workers = await pool(t)
  const asker = { aborted: false, reason: new Error('gone') }
  // Too long for anything else to be sent along.
  const first = workers.encode(chat('word '.repeat(10_000)), 'prompt_left')
  const abandoned = t.rejects(workers.encode(chat('b'), 'none', asker), { message: 'gone' })
  const kept = workers.encode(chat('c'), 'none')
  asker.aborted = true
  await Promise.all([first, abandoned])
  t.ok((await kept).ids.length > 0)
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

t.test('a text past the deadline costs its sender, not those sent with it', async (t) => {
  const slow = new Array<Conversation>(2).fill(ENDLESS)
  const around = Array.from({ length: 12 }, (_, i) => chat(`q${i % 3}`, `answer ${i}`))
  const inputs = [
    ...around.slice(0, 4),
    ...slow.slice(0, 1),
    ...around.slice(4, 8),
    ...slow.slice(1),
    ...around.slice(8)
  ]
  const order: string[] = []
  for (const threads of [1, 3]) {
    const workers = await pool(t, { folder: endless(t), deadlineMs: 2000, threads })
    const results = await Promise.all(
      inputs.map((input) =>
        workers.encode(input, 'none').then(
          ({ ids }) => (order.push('ok'), ids.length),
          ({ code }: ArmormError) => (order.push(code), code)
        )
      )
    )
    t.strictSame(
      results,
      inputs.map((input) => (input === ENDLESS ? 'text_too_large' : `q0|answer ${around.indexOf(input)}|`.length))
    )
  }
  // With workers to spare, nothing waits for the two that get stuck.
  t.strictSame(order.slice(-2), ['text_too_large', 'text_too_large'])
})

t.test('many at once on several workers: each gets its own result or its own error', async (t) => {
  const workers = await pool(t, { threads: 3, maxTokens: 3000 })
  const model = await smollm2({ maxTokens: 3000 })
  const inputs = Array.from({ length: 200 }, (_, i): Conversation => {
    if (i % 17 === 0) return { kind: 'messages', messages: [user(`only ${i}`)] }
    if (i % 23 === 0) return chat(`${i} word `.repeat(2500))
    if (i % 29 === 0) return { kind: 'text', text: `no gate ${i}` }
    return chat(`prompt ${i % 5} `.repeat(40), `answer ${i} `.repeat(i % 90))
  })
  const outcomes = await Promise.all(
    inputs.map((input) => workers.encode(input, 'none').catch((error: ArmormError) => error.toData()))
  )
  inputs.forEach((input, i) => {
    let expected
    try {
      expected = model.encode(input, 'none')
    } catch (error) {
      expected = (error as ArmormError).toData()
    }
    t.strictSame(outcomes[i], expected)
  })
})

t.test('a tokenizer that is gone when a worker has to be replaced', async (t) => {
  const folder = endless(t)
  const workers = await pool(t, { folder, deadlineMs: 2000 })
  const bad = workers.encode(ENDLESS, 'none')
  const behind = workers.encode(chat('q'), 'none')
  const refused = [
    t.rejects(bad, { code: 'text_too_large' }),
    t.rejects(behind, { code: 'bundle_missing' }, 'nobody waits for a worker that cannot start')
  ]
  const kept = await readFile(`${folder}/tokenizer.json`)
  await rm(`${folder}/tokenizer.json`)
  await Promise.all(refused)
  await writeFile(`${folder}/tokenizer.json`, kept)
  // The worker is tried again, once a second; until it has loaded, work may be refused.
  for (;;) {
    const outcome = await workers.encode(chat('q'), 'none').catch((error: ArmormError) => error.code)
    if (typeof outcome !== 'string') break
    t.equal(outcome, 'bundle_missing')
  }
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
