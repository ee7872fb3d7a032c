import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** Compiled, this file lies in build/test/bench. */
const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url))

function run(name: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(BENCH, `${name}.js`), ...args], {
    encoding: 'utf8'
  })
  return { status, stdout, stderr }
}

for (const name of ['main', 'simulate', 'fidelity', 'soak']) {
  t.test(`${name}: --help shows the way, and so does a wrong option`, async (t) => {
    const help = run(name, '--help')
    t.match(help, { status: 0, stdout: /^usage: npm run [\w:]+ -- /, stderr: '' })
    const wrong = run(name, '--nope')
    t.match(wrong, { status: 1, stdout: '' })
    t.match(wrong.stderr, /^\w+: Unknown option '--nope'\n/)
    t.ok(wrong.stderr.endsWith(help.stdout))
  })
}

t.test('an option whose value is wrong is named, and the usage follows', async (t) => {
  t.match(run('main', '--only', 'vllm'), { status: 1, stderr: /^bench: --only vllm: not one of server, .*\nusage: / })
  t.match(run('simulate', '--gpus', '0'), { status: 1, stderr: /^simulate: --gpus must be .*\nusage: / })
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
