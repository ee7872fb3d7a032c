import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lineConversations } from '../../src/cli/calibrate.js'
import type { Reference } from '../../src/bundle/reference.js'
import { readManifest } from '../support/bundles.js'
import { DEFAULT_MODEL } from '../support/paths.js'
import { runArmorm, startServer } from '../support/server.js'

/** The built-in bundle in a folder of the test's own, where its data may lie too. */
function bundle(t: Test): string {
  const folder = t.testdir()
  for (const name of readdirSync(DEFAULT_MODEL)) {
    if (name !== 'reference.json') symlinkSync(join(DEFAULT_MODEL, name), join(folder, name))
  }
  return folder
}

const messages = (answer: string) => [
  { role: 'user', content: 'Name a colour. PRIVATE' },
  { role: 'assistant', content: answer }
]
const QUERY = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n'

t.test('writes a reference without texts, which a server then maps scores by', async (t) => {
  const folder = bundle(t)
  const data = join(folder, 'data.jsonl')
  const lines = [
    { messages: messages('Red'), source: 'not looked at' },
    { prompt: 'Name a colour. PRIVATE', responses: ['Red', 'Blue', 'xkcd', ''] },
    { prompt: messages('Red').slice(0, 1), response: 'Green' }
  ]
  writeFileSync(data, lines.map((line) => JSON.stringify(line)).join('\n\n'))
  const { code, stdout, stderr } = await runArmorm(t, ['calibrate', data, '--model', folder])
  t.equal(code, 0, stderr)
  t.match(stdout, /reference\.json: 6 conversations, score /)
  t.match(stderr, /100 % \(6 conversations\)/)
  t.match(stderr, /6 conversations are few/)
  const text = readFileSync(join(folder, 'reference.json'), 'utf8')
  t.notMatch(text, /PRIVATE|colour|Red/)
  const reference = JSON.parse(text) as Reference
  t.equal(reference.conversations, 6)
  t.notOk(readdirSync(folder).includes('reference.json.partial'))

  const server = await startServer(t, ['--model', folder, '--threads', '1', '--extra-objectives', 'none'])
  const models = (await server.get('/v1/models')).json<{ data: { revision: string }[] }>()
  t.equal(models.data[0]?.revision, readManifest(DEFAULT_MODEL).model.revision, 'the revision stays')
  const reply = (await server.post('/get_reward', { query: [QUERY, ''], prompts: ['', ''] })).json<{
    rewards: number[]
    scores: number[]
  }>()
  const [lowest = 0, highest = 0] = [reference.score.percentiles[0], reference.score.percentiles[100]]
  const [reward = 0] = reply.rewards
  const [score = -1] = reply.scores
  t.equal(score, reward < lowest ? 0 : reward > highest ? 1 : score)
  t.ok(score >= 0 && score <= 1)
})

t.test('a line that cannot be used ends the command, and nothing is written', async (t) => {
  const folder = bundle(t)
  const data = join(folder, 'data.jsonl')
  const lines = [{ messages: messages('Red') }, { messages: messages('Red').slice(0, 1) }]
  writeFileSync(data, lines.map((line) => JSON.stringify(line)).join('\n'))
  const { code, stderr } = await runArmorm(t, ['calibrate', data, '--model', folder])
  t.equal(code, 1)
  t.match(stderr, /^armorm: invalid_data: .*data\.jsonl:2: invalid_conversation: /m)
  t.notMatch(stderr, /PRIVATE/)
  const missing = await runArmorm(t, ['calibrate', join(folder, 'none.jsonl'), '--model', folder])
  t.match(missing.stderr, /none\.jsonl cannot be read \(ENOENT\)/)
  t.notOk(readdirSync(folder).some((name) => name.startsWith('reference.json')))
})

t.test('lines of no known form are named, and never quoted', async (t) => {
  for (const [line, message] of [
    [{ messages: [{ role: 'user' }] }, /^data:7: .*\/messages\/0 must have content/],
    [{ messages: 'PRIVATE' }, /^data:7: .*\/messages must be array/],
    [{ text: 'PRIVATE' }, /^data:7: the line must have the form \{"messages"/],
    [{}, /^data:7: the line must have the form/]
  ] as const) {
    t.throws(() => lineConversations(line, 'data:7'), { code: 'invalid_data', message })
    t.throws(() => lineConversations(line, 'data:7'), { message: /^(?!.*PRIVATE)/ })
  }
})
