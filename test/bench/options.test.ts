import t from 'tap'
import { benchOptions, USAGE } from '../../bench/options.js'
import { planBatches } from '../../bench/contestants/engine.js'

t.test('a full run is written, a part of one is printed', async (t) => {
  t.equal(benchOptions([]).out, 'docs/benchmarks.md')
  t.equal(benchOptions(['--quick']).out, null)
  t.equal(benchOptions(['--only', 'ppo']).out, null)
  t.equal(benchOptions(['--quick', '--out', 'here.md']).out, 'here.md')
  t.ok(benchOptions(['--quick']).rounds < benchOptions([]).rounds)
})

t.test('--only names contestants, loads and jobs', async (t) => {
  const { wants, shapes } = benchOptions(['--only', 'server,ppo,low-load'])
  t.strictSame(['server', 'engine', 'ppo', 'grpo-a', 'low-load', 'repeats'].map(wants), [
    true,
    false,
    true,
    false,
    true,
    false
  ])
  t.strictSame(
    shapes.map(({ name }) => name),
    ['ppo']
  )
  t.ok(benchOptions(['--only', 'ppo']).wants('pytorch'), 'loads alone leave all contestants in')
  t.ok(benchOptions(['--only', 'pytorch']).wants('grpo-b'), 'and the other way round')
})

t.test('wrong options are refused by name', async (t) => {
  t.throws(() => benchOptions(['--only', 'ppo,vllm']), /--only vllm/)
  t.throws(() => benchOptions(['--rounds', '0']), /--rounds 0/)
  t.throws(() => benchOptions(['--threads', '1,x']), /--threads x/)
  t.throws(() => benchOptions(['--fast']))
})

t.test('the usage names every option', async (t) => {
  for (const flag of ['quick', 'data', 'only', 'model', 'checkpoint', 'python', 'threads', 'rounds', 'out']) {
    t.match(USAGE, `--${flag} `)
  }
})

const conversation = (tokens: number, promptTokens: number) => ({
  messages: [],
  ids: new Int32Array(tokens),
  gateIndex: 0,
  promptTokens
})

t.test("the engine's batches hold every conversation once, within the budget", async (t) => {
  const groups = [
    [conversation(90, 40), conversation(70, 40), conversation(60, 40)],
    [conversation(30, 10)],
    [conversation(500, 20)]
  ]
  t.strictSame(planBatches(groups, 0), [[0], [1], [2], [3], [4]])
  // 30 alone is followed by 90, then 30 and 20 more beside the shared 40; 500 goes alone.
  t.strictSame(planBatches(groups, 170), [[3, 0, 1, 2], [4]])
  t.strictSame(planBatches(groups, 120), [[3, 0], [1, 2], [4]])
})
