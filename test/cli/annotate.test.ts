import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { loadBundle } from '../../src/bundle/load.js'
import { decimal } from '../../src/decimal.js'
import { ArmormError } from '../../src/errors.js'
import { annotate as annotateRows } from '../../src/evaluate/annotate.js'
import { rateInOrder } from '../../src/evaluate/rate.js'
import type { Message } from '../../src/text/conversation.js'
import { textBundle } from '../support/bundles.js'
import { runArmorm, startArmorm } from '../support/server.js'

const ASK = { role: 'user', content: 'Name a colour.' }
const answered = (content: string): Message[] => [ASK, { role: 'assistant', content }]

/** All tests read it. */
const BUNDLE = await textBundle(t.testdir())

type Row = Record<string, unknown>

function dataOf(t: Test, rows: readonly Row[]): { data: string; out: string } {
  const folder = t.testdir()
  const data = join(folder, 'rows.jsonl')
  writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return { data, out: join(folder, 'rewards.jsonl') }
}

const linesOf = (path: string): Row[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Row)

const annotate = (t: Test, ...args: string[]) => runArmorm(t, ['annotate', '--model', BUNDLE, ...args])

t.test('rows of every form get what the model gives, in their order', async (t) => {
  const bundle = await loadBundle(BUNDLE)
  const objectives = bundle.manifest.objectives.map(({ name }) => name)
  const values = new Map<string, { score: number; ratings: Row; gating: Row }>()
  const conversations = async function* () {
    for (const content of ['Red.', 'Blue.', 'Green.']) {
      yield { place: '', content, conversation: { kind: 'messages' as const, messages: answered(content) } }
    }
  }
  const named = (of: Float32Array): Row => Object.fromEntries(objectives.map((name, k) => [name, decimal(of[k]!)]))
  for await (const { item, values: found } of rateInOrder(bundle, conversations())) {
    const { score, ratings, gating } = found
    values.set(item.content, { score: decimal(score), ratings: named(ratings), gating: named(gating) })
  }
  const [red, blue, green] = ['Red.', 'Blue.', 'Green.'].map((content) => values.get(content)!)
  const rows: Row[] = [
    { id: 1, prompt: ASK.content, response: 'Red.', tags: ['a', null], reward: 7 },
    { prompt: ASK.content },
    { prompt: [ASK], responses: ['Red.', 'Blue.', 'Green.'], messages: null },
    { messages: answered('Blue.') },
    { chosen: answered('Green.'), rejected: answered('Red.'), prompt: ASK.content, split: 'filtered' },
    { prompt: ASK.content, chosen: 'Green.', rejected: null },
    { messages: [ASK] },
    { prompt: ASK.content, responses: [] }
  ]
  const { data, out } = dataOf(t, rows)
  // Left by a run with other options or of other data: not gone on with.
  writeFileSync(`${out}.partial`, '{}\n')
  writeFileSync(`${out}.partial.json`, '{"file":"another"}')
  const args = ['--out', out, '--with', 'ratings', 'gating', '--field', 'armorm']
  const { code, stdout, stderr } = await annotate(t, data, ...args)
  t.equal(code, 0, stderr)
  t.equal(stdout, `${out}: 8 rows\n`)
  const scores = [red, blue, green].map((each) => each!.score)
  const error = (message: RegExp) => ({ error: { code: /^invalid_/, message } })
  const found = linesOf(out)
  t.strictSame(
    found.map(({ armorm: _, ...row }) => row),
    rows
  )
  const [one, broken, many, messages, pair, half, unanswered, none] = found.map(({ armorm }) => armorm)
  t.strictSame(one, red)
  t.match(broken, error(/response/))
  t.strictSame(many, { best: scores.indexOf(Math.max(...scores)), responses: [red, blue, green] })
  t.strictSame(messages, blue)
  t.match(pair, { chosen: green, rejected: red, margin: decimal(green!.score - red!.score) })
  t.match(half, error(/rejected/))
  t.match(unanswered, error(/assistant/))
  t.match(none, error(/responses/))
  t.match(stderr, /error in the place of a reward: 4\n/)
  t.match(stderr, `${data}:2: invalid_data`)
})

t.test('a run that was killed is gone on with: each row is written once', async (t) => {
  const note = 'x'.repeat(4000)
  const rows = Array.from({ length: 150 }, (_, i) => ({ prompt: `${ASK.content} ${i}`, response: `Red ${i}.`, note }))
  const { data, out } = dataOf(t, rows)
  const { child, exit } = startArmorm(t, ['annotate', '--model', BUNDLE, data, '--out', out])
  const partial = `${out}.partial`
  while (!existsSync(partial) || statSync(partial).size === 0) {
    if (child.exitCode !== null) t.bailout((await exit).stderr)
    await delay(5)
  }
  child.kill('SIGSTOP')
  t.match(await annotate(t, data, '--out', out), {
    code: 1,
    stderr: `work_in_use: ${out} is in use by process ${child.pid}`
  })
  child.kill('SIGKILL')
  await exit
  const before = linesOf(partial).length
  t.ok(before > 0 && before < rows.length, `${before} rows by then`)
  writeFileSync(partial, '{"half a ', { flag: 'a' })
  const { code, stderr } = await annotate(t, data, '--out', out)
  t.equal(code, 0, stderr)
  t.match(stderr, `has ${before} rows from an earlier run`)
  const found = linesOf(out)
  t.strictSame(
    found.map(({ reward: _, ...row }) => row),
    rows
  )
  t.ok(found.every(({ reward }) => typeof (reward as { score?: unknown }).score === 'number'))
  t.strictSame(readdirSync(dirname(out)).sort(), ['rewards.jsonl', 'rows.jsonl'], 'nothing else is left')
})

t.test('nothing of the user’s is written over', async (t) => {
  const { data, out } = dataOf(t, [{ prompt: 'a', response: 'b', reward: 7 }])
  t.match(await annotate(t, data, '--out', out), { code: 1, stderr: `${data}:1 has a field "reward" already` })
  writeFileSync(out, '')
  t.match(await annotate(t, data, '--out', out), { code: 1, stderr: `${out} exists already` })
  t.match(await annotate(t, `${data}x`, '--out', `${out}x`), { code: 1, stderr: 'cannot be read (ENOENT)' })
  const [given, whole] = [`${data}.partial`, readFileSync(data)]
  writeFileSync(given, whole)
  t.match(await annotate(t, given, '--out', data), { code: 1, stderr: `${data} exists already` })
  rmSync(data)
  t.match(await annotate(t, given, '--out', data), { code: 1, stderr: `${given} exists already` })
  t.strictSame(readFileSync(given), whole)
  t.notOk(existsSync(`${given}.lock`) || existsSync(`${given}.json`))
})

t.test('rows without a conversation are decided in their turn, too: the file is not read ahead of them', async (t) => {
  let read = 0
  const rows = async function* () {
    for (; read < 5000; read++) yield { asked: new ArmormError('invalid_data', 'none') }
  }
  for await (const { outcome } of annotateRows(await loadBundle(BUNDLE), rows())) {
    t.match(outcome, { code: 'invalid_data' })
    break
  }
  t.ok(read < 500, `${read} rows were read by then`)
})
