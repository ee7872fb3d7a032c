import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CALIBRATION_FILE, madeUp, readConversations, tokenized } from '../../../src/export/quantize/calibration-set.js'
import { TextModel } from '../../../src/text/text-model.js'
import { DEFAULT_MODEL, ROOT } from '../../support/paths.js'

const limits = { vocabSize: 49152, gatePattern: null }

t.test('the packaged conversations: enough of them, and none that fidelity is measured on', async (t) => {
  const conversations = await readConversations(CALIBRATION_FILE)
  const text = await TextModel.load(DEFAULT_MODEL, { ...limits, maxTokens: 2048 })
  const sequences = tokenized(conversations, text, CALIBRATION_FILE)
  t.ok(sequences.length > 3 * conversations.length, `${sequences.length} sequences`)
  const whole = conversations.reduce(
    (sum, messages) => sum + text.encode({ kind: 'messages', messages }, 'none').ids.length,
    0
  )
  t.ok(whole > 5000, `${whole} tokens`)
  const measured = readFileSync(join(ROOT, 'bench/conversations.jsonl'), 'utf8')
    .split('\n')
    .flatMap((line) => (line === '' ? [] : (JSON.parse(line) as { prompt: { content: string }[] }).prompt))
  const contents = new Set(measured.map(({ content }) => content))
  t.notOk(conversations.some((messages) => messages.some(({ content }) => contents.has(content))))
})

t.test('answers are cut behind their sentences too, and the whole one comes last', async (t) => {
  const text = await TextModel.load(DEFAULT_MODEL, { ...limits, maxTokens: 2048 })
  const conversation = (content: string) => [
    { role: 'user', content: 'Hello. Are you there?' },
    { role: 'assistant', content }
  ]
  const found = tokenized([conversation('Yes, at 3.15. Why? I am'), conversation('No')], text, 'x')
  const expected = ['Yes, at 3.15.', 'Yes, at 3.15. Why?', 'Yes, at 3.15. Why? I am', 'No'].map((content) => {
    const { ids, gateIndex } = text.encode({ kind: 'messages', messages: conversation(content) }, 'none')
    return { ids, gateIndex }
  })
  t.strictSame(found, expected)
  const long = tokenized([conversation('Yes. '.repeat(100).trim())], text, 'x')
  t.equal(long.length, 26, 'every fourth sentence of a long answer, and the whole')
})

t.test('a bad line is named by file and line, a missing file by its name', async (t) => {
  const path = join(t.testdir({}), 'data.jsonl')
  const good = JSON.stringify({ prompt: [{ role: 'user', content: 'a' }], responses: ['b', 'c'] })
  const refused = async (lines: string[], message: string) => {
    writeFileSync(path, lines.join('\n'))
    await t.rejects(readConversations(path), { code: 'invalid_data', message })
  }
  await refused([good, '', '{'], `${path}:3 is not a JSON object`)
  for (const bad of [
    {},
    { prompt: [], responses: ['b'] },
    { prompt: [{ role: 'user' }], responses: ['b'] },
    { prompt: [null], responses: ['b'] },
    { prompt: [{ role: 'user', content: 'a' }], responses: [] },
    { prompt: [{ role: 'user', content: 'a' }], responses: [1] }
  ]) {
    await refused([good, JSON.stringify(bad)], `${path}:2 is no {"prompt": [messages], "responses": [texts]}`)
  }
  await refused(['', ''], `calibration data ${path} is empty`)
  await t.rejects(readConversations(`${path}.gone`), {
    code: 'invalid_data',
    message: `${path}.gone cannot be read (ENOENT)`
  })
})

t.test('a response too long for the model is left out; if all are, that is an error', async (t) => {
  const text = await TextModel.load(DEFAULT_MODEL, { ...limits, maxTokens: 40 })
  const conversation = (content: string) => [
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content }
  ]
  const long = conversation('word '.repeat(100))
  t.equal(tokenized([conversation('Hi'), long], text, 'x').length, 1)
  t.throws(() => tokenized([long], text, 'x'), { code: 'invalid_data', message: /^no conversation/ })
  t.throws(() => tokenized([[{ role: 'user', content: 'Hello' }]], text, 'x'), {
    code: 'invalid_data',
    message: /^conversation 0 of the calibration data x is refused/
  })
})

t.test('made-up ids lie in the vocabulary and are the same every time', async (t) => {
  const sequences = madeUp(100, 64)
  t.ok(sequences.every(({ ids }) => ids.length === 64 && ids.every((id) => id >= 0 && id < 100)))
  t.ok(new Set(sequences.flatMap(({ ids }) => [...ids])).size > 95)
  t.strictSame(madeUp(100, 64), sequences)
})
