import t from 'tap'
import type { SetName } from '../../../src/train/embedded-set.js'
import { TrainRowReader, unmatched } from '../../../src/train/embed/train-row.js'
import { trainSettings } from '../../../src/train/settings.js'

const user = (content: string) => ({ role: 'user', content })
const assistant = (content: string) => ({ role: 'assistant', content })

/** Reads one row of a file. */
function read(set: SetName, value: object, data: object = {}, path = '/data/file.jsonl') {
  const reader = new TrainRowReader(path, set, trainSettings({ data }, 'train.json').data)
  const row = reader.read({ place: 'file.jsonl:7', value, done: 0.5 })
  reader.finish(path)
  return { ...row, labels: Object.fromEntries(row.labels) }
}

t.test('rated responses, in their own form', async (t) => {
  const expected = {
    place: 'file.jsonl:7',
    prompt: [user('Hi?')],
    responses: ['Yes.'],
    labels: { good: 0.5, right: 1 }
  }
  const ratings = { good: 0.5, right: true, other: null }
  t.match(read('ratings', { prompt: 'Hi?', response: 'Yes.', ratings }), expected)
  t.match(read('ratings', { prompt: [user('Hi?')], response: 'Yes.', ratings }), expected)
  t.match(read('ratings', { messages: [user('Hi?'), assistant('Yes.')], ratings }), expected)
  const named = { source: 'set', category: 'chat', key: 12, split: 'test' }
  t.match(read('ratings', { prompt: 'Hi?', response: '', ratings, ...named }), {
    ...named,
    key: '12',
    split: 'heldout'
  })
  t.strictSame(read('reference', { prompt: 'Hi?', response: 'Yes.' }).labels, {})
})

t.test('preferences, with answers as texts and as messages', async (t) => {
  const expected = { prompt: [user('Hi?')], responses: ['Yes.', 'No.'] }
  const form = { prompt: 'Hi?', chosen: 'Yes.', rejected: 'No.' }
  t.match(read('preferences', { ...form, margin: 0.5, category: 'chat' }), {
    ...expected,
    margin: 0.5,
    category: 'chat'
  })
  // As Hugging Face's data sets have them: whole conversations, or the answer alone.
  const whole = { chosen: [user('Hi?'), assistant('Yes.')], rejected: [user('Hi?'), assistant('No.')] }
  t.match(read('preferences', whole), expected)
  t.match(read('preferences', { prompt: 'Hi?', ...whole }), expected)
  const alone = { chosen: [assistant('Yes.')], rejected: [assistant('No.')] }
  t.match(read('preferences', { prompt: [user('Hi?')], ...alone }), expected)
  const refused = (value: object, message: RegExp) =>
    t.throws(() => read('preferences', value), { code: 'invalid_data', message })
  refused({ ...whole, rejected: [user('Else?'), assistant('No.')] }, /^file.jsonl:7: chosen and rejected do not follow/)
  refused(alone, /has no prompt/)
  refused({ ...form, rejected: null }, /it has no rejected that is a text or a list/)
  refused({ ...form, margin: NaN }, /its margin is not a finite number/)
  refused({ ...form, margin: -2 }, /its margin is negative: the rejected response is better/)
  refused({ ...form, chosen: [user('PRIVATE')] }, /message 0 is the last and not the assistant's/)
})

t.test('the key is that of the prompt, whatever its case and white space', async (t) => {
  const key = (prompt: unknown) => read('reference', { prompt, response: '' }).key
  t.match(key('What is it?'), /^[0-9a-f]{16}$/)
  t.equal(key(' what  is\nIT?'), key('What is it?'))
  t.not(key('What is that?'), key('What is it?'))
  t.not(key([user('What is it?'), assistant('It.'), user('What?')]), key([user('What?')]))
})

t.test('columns of other names and scales', async (t) => {
  const ratings = {
    'helpsteer-helpfulness': { column: 'helpfulness', scale: 'helpsteer' },
    overall: { column: 'score', scale: [1, 10], out_of_range: 'clip' },
    safe: { column: 'is_safe', scale: 'boolean' }
  }
  const data = { columns: { files: [{ match: 'help*.parquet', prompt: 'question', response: 'answer', ratings }] } }
  const row = { question: 'Q', answer: 'A', helpfulness: 4n, score: 11, is_safe: undefined }
  const found = read('ratings', row, data, '/data/helpsteer-train.parquet')
  t.strictSame(found.labels, { 'helpsteer-helpfulness': 0.9, overall: 1 })
  t.strictSame(found.prompt, [user('Q')])
  const refused = (value: object, code: string, message: RegExp) =>
    t.throws(() => read('ratings', value, data, '/data/helpsteer.parquet'), { code, message })
  refused(
    { ...row, helpfulness: 5n },
    'invalid_data',
    /^file.jsonl:7: its rating of helpsteer-helpfulness is 5, outside/
  )
  const { score, ...without } = row
  t.equal(score, 11)
  refused(without, 'invalid_config', /names the column "score", which .*helpsteer.parquet does not have/)
  // Another file is read in the product's own form.
  t.throws(() => read('ratings', row, data, '/data/other.parquet'), { code: 'invalid_data', message: /no response/ })
})

t.test('bad rows are named, and never quoted', async (t) => {
  const form = { prompt: 'PRIVATE', response: 'PRIVATE', ratings: { good: 0.5 } }
  const refused = (value: object, message: RegExp) => {
    const error = t.throws(() => read('ratings', value), { code: 'invalid_data', message }) as Error
    t.match(error.message, /^file.jsonl:7: /)
    t.notMatch(error.message, /PRIVATE/)
  }
  refused({ ...form, ratings: undefined }, /has no ratings/)
  refused({ ...form, ratings: [1] }, /has no ratings/)
  refused({ ...form, ratings: { good: 'PRIVATE' } }, /its rating of good is not a number/)
  refused({ ...form, ratings: { good: 1.5 } }, /its rating of good is 1.5, outside 0 to 1/)
  refused({ ...form, prompt: undefined }, /has no prompt/)
  refused({ ...form, prompt: 5 }, /its prompt is no text and no list/)
  refused({ ...form, prompt: [{ role: 'user' }] }, /message 0 of its prompt has no role and content/)
  refused({ ...form, prompt: [{ role: 'PRIVAT', content: '' }] }, /message 0 has an unknown role/)
  refused({ ...form, split: 'PRIVATE' }, /its split is none of train, heldout, test, validation/)
  refused({ ...form, source: {} }, /its source is no text/)
})

t.test('patterns that no file has are known', async (t) => {
  const files = ['help*.jsonl', 'reviews.parquet', '*'].map((match) => ({ match }))
  const { data } = trainSettings({ data: { columns: { files } } }, 'x')
  t.strictSame(unmatched(['/data/helpsteer.jsonl', 'x/other.jsonl'], data), ['reviews.parquet'])
  t.strictSame(unmatched([], data).length, 3)
})
