import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { answerGroups, countGroups } from '../../src/evaluate/groups.js'

function file(t: Test, lines: readonly unknown[]): string {
  const path = join(t.testdir(), 'data.jsonl')
  writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'))
  return path
}

const answers = (count: number) => Array.from({ length: count }, (_, i) => `answer ${i}`)

async function places(path: string): Promise<string[]> {
  const found = []
  for await (const { place } of answerGroups(path)) found.push(place.replace(path, 'file'))
  return found
}

t.test('groups of eight different answers or more; smaller ones are left out and counted', async (t) => {
  const path = file(t, [
    { key: 'not looked at', prompt: 'Hi', responses: answers(8) },
    { prompt: 'Hi', responses: answers(7) },
    { prompt: 'Hi', responses: [...answers(7), 'answer 0'] },
    { prompt: [{ role: 'user', content: 'Hi' }], responses: [...answers(9), 'answer 3'] }
  ])
  t.strictSame(await countGroups(path), { groups: 2, conversations: 17, leftOut: 2 })
  t.strictSame(await places(path), ['file:1', 'file:4'])
})

t.test('an answer follows its prompt, be that a text or messages', async (t) => {
  const system = { role: 'system', content: 'Be brief.' }
  const user = { role: 'user', content: 'Hi' }
  const path = file(t, [
    { prompt: 'Hi', responses: answers(8) },
    { prompt: [system, user], responses: answers(8) }
  ])
  const last = []
  for await (const { conversations } of answerGroups(path)) last.push(conversations.at(-1))
  const answer = { role: 'assistant', content: 'answer 7' }
  t.strictSame(last, [
    { kind: 'messages', messages: [user, answer] },
    { kind: 'messages', messages: [system, user, answer] }
  ])
})

t.test('a line of another form is named, and never quoted', async (t) => {
  const good = { prompt: 'Hi', responses: answers(8) }
  for (const bad of [
    { prompt: 'PRIVATE' },
    { responses: answers(8) },
    { prompt: [], responses: answers(8) },
    { prompt: [{ role: 'user' }], responses: answers(8) },
    { prompt: 'Hi', responses: ['PRIVATE', 1] },
    { messages: [{ role: 'user', content: 'PRIVATE' }] },
    ['PRIVATE']
  ]) {
    await t.rejects(countGroups(file(t, [good, bad])), {
      code: 'invalid_data',
      message: /data\.jsonl:2 (does not have the form \{"prompt": text|is not a JSON object)/
    })
    await t.rejects(countGroups(file(t, [good, bad])), { message: /^(?!.*PRIVATE)/ })
  }
})

t.test('a file without a group that is large enough', async (t) => {
  for (const lines of [[], [{ prompt: 'Hi', responses: answers(7) }]]) {
    await t.rejects(countGroups(file(t, lines)), {
      code: 'invalid_data',
      message: /data\.jsonl has no line with 8 different answers to one prompt$/
    })
  }
  await t.rejects(countGroups(join(t.testdir(), 'none')), { code: 'invalid_data', message: /ENOENT/ })
})
