import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { program, WrongOption } from '../../bench/command-line.js'

/** What a program prints that is called `name`, and whose usage is `usage`. */
async function printed(t: Test, args: string[], main: () => Promise<void>) {
  const [out, wrong] = [t.capture(console, 'log', () => {}), t.capture(console, 'error', () => {})]
  await program('name', 'usage', main, args)
  const code = process.exitCode
  process.exitCode = 0
  const lines = (calls: readonly { args: unknown[] }[]) => calls.flatMap(({ args }) => args)
  return { out: lines(out()), error: lines(wrong()), code: code ?? 0 }
}

t.test('--help prints the usage, and nothing runs', async (t) => {
  const main = async () => void t.fail('it runs')
  t.strictSame(await printed(t, ['--seed', '1', '--help'], main), { out: ['usage'], error: [], code: 0 })
})

t.test('an error ends with code 1; the usage follows where an option is wrong', async (t) => {
  const failing = (error: Error) => printed(t, [], () => Promise.reject(error))
  t.strictSame(await failing(new Error('broken')), { out: [], error: ['name: broken'], code: 1 })
  t.strictSame(await failing(new WrongOption('--seed x')), { out: [], error: ['name: --seed x', 'usage'], code: 1 })
})

/** Compiled, this file lies in build/test/bench. */
const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url))

function run(name: string, ...args: string[]) {
  // Without what tap loads into every process.
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { status, stderr } = spawnSync(process.execPath, [join(BENCH, `${name}.js`), ...args], {
    encoding: 'utf8',
    env
  })
  return { status, stderr }
}

t.test('the programs name the option that is wrong, and show the way', async (t) => {
  t.match(run('main', '--only', 'vllm'), { status: 1, stderr: /^bench: --only vllm: not one of server, .*\nusage: / })
  t.match(run('simulate', '--nope'), { status: 1, stderr: /^simulate: Unknown option '--nope'.*\nusage: / })
  t.match(run('fidelity'), { status: 1, stderr: /^fidelity: --reference is missing\nusage: / })
  t.match(run('soak', '--clients', 'x'), { status: 1, stderr: /^soak: --clients must be .*\nusage: / })
})

t.test('a file that is wrong ends the bench by its line, before anything is measured', async (t) => {
  const good = '{"prompt": "a", "responses": ["b"]}'
  const bad = join(t.testdir({ 'bad.jsonl': `${good}\n{"prompt": "a"}\n` }), 'bad.jsonl')
  const { status, stderr } = run('main', '--only', 'engine,ppo', '--data', bad)
  t.equal(status, 1)
  t.equal(stderr, `bench: ${bad}:2 is no {"prompt": text or [messages], "responses": [texts]}\n`, 'no usage')
})
