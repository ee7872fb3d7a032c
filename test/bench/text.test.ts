import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readGroups } from '../../bench/text.js'

t.test('groups of a file: prompts are messages or text, other fields are not looked at', async (t) => {
  const path = join(t.testdir(), 'data.jsonl')
  const prompt = [
    { role: 'system', content: 's' },
    { role: 'user', content: 'u' }
  ]
  const lines = [
    { key: 'k', prompt, responses: ['a', 'b'] },
    { prompt: 'text', responses: ['c'] }
  ]
  writeFileSync(path, `${lines.map((line) => JSON.stringify(line)).join('\n\n')}\n`)
  t.strictSame(await readGroups(path), [
    { prompt, responses: ['a', 'b'] },
    { prompt: [{ role: 'user', content: 'text' }], responses: ['c'] }
  ])
})

t.test('a line that is no group is named and not quoted', async (t) => {
  const good = '{"prompt": "secret", "responses": ["secret"]}'
  const path = join(t.testdir(), 'data.jsonl')
  for (const bad of [
    '{"prompt": "secret", "responses": []}',
    '{"prompt": [], "responses": ["secret"]}',
    '{"prompt": ["secret"], "responses": ["secret"]}',
    '{"prompt": [{"role": "user"}], "responses": ["secret"]}',
    '{"prompt": "secret", "responses": ["secret", 1]}',
    '{"responses": ["secret"]}',
    '["secret"]',
    'secret'
  ]) {
    writeFileSync(path, `${good}\n${bad}\n`)
    const error = (await readGroups(path).catch((error: unknown) => error)) as Error
    t.match(error, { code: 'invalid_data', message: `${path}:2 ` }, bad)
    t.notMatch(error.message, 'secret')
  }
  await t.rejects(readGroups(`${path}.none`), { code: 'invalid_data' })
})
