import t from 'tap'
import { CONTESTANTS, NOT_QUICK } from '../../bench/contestants/all.js'
import { benchOptions, USAGE } from '../../bench/options.js'
import { fastest } from '../../bench/contestants/contestant.js'
import { planBatches } from '../../bench/contestants/engine.js'
import { usableThreads } from '../../src/engine/threads.js'

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

t.test('the loads have the shapes that trainers send; --quick has fewer of the same', async (t) => {
  const lengths = {
    ppo: [1, 250, 300],
    'grpo-a': [8, 260, 95],
    'grpo-b': [8, 250, 500],
    batch: [4, 200, 250]
  }
  for (const args of [[], ['--quick']]) {
    const { shapes } = benchOptions(args)
    t.strictSame(
      Object.fromEntries(
        shapes.map(({ name, responsesPerPrompt, promptTokens, responseTokens }) => {
          return [name, [responsesPerPrompt, promptTokens, responseTokens]]
        })
      ),
      lengths
    )
    const ppo = shapes.find(({ name }) => name === 'ppo')!
    t.match(ppo.title, `PPO: ${ppo.prompts} clients, one response each`)
  }
  t.equal(benchOptions([]).shapes.find(({ name }) => name === 'ppo')!.prompts, 64)
})

t.test('of several ways the one whose best try is the fastest', async (t) => {
  const times: Record<string, number[]> = { a: [5, 5], b: [9, 3], c: [4, 4] }
  const tried: string[] = []
  const best = async (tries: number) => {
    const left = structuredClone(times)
    return fastest(['a', 'b', 'c'], tries, async (way) => {
      tried.push(way)
      return left[way]!.shift()!
    })
  }
  t.equal(await best(1), 'c')
  t.equal(await best(2), 'b')
  t.strictSame(tried.join(''), 'abc' + 'abcabc', 'in turn')
})

t.test('--quick says what it leaves out', async (t) => {
  const left = (...args: string[]) => benchOptions(['--quick', '--threads', '1', ...args])
  const all = ['server-int8', 'engine-int8', 'pytorch-fp32-single', 'pytorch-bf16-single', 'llama.cpp-f32']
  t.strictSame(left().leftOut, all)
  t.strictSame(
    left().skipped,
    ['server, int8', 'engine, int8', 'PyTorch fp32, one by one', 'PyTorch bf16, one by one', 'llama.cpp f32'].map(
      (title) => `${title}: \`--quick\` leaves that out`
    )
  )
  t.equal(left().wants('int8'), false)
  t.strictSame(left('--only', 'grpo-a').leftOut, all)
  t.strictSame(left('--only', 'server,engine').skipped, [], 'nor what nobody asked for')
  t.strictSame(left('--only', 'int8').leftOut, [], 'int8 takes part where it is named')
  t.ok(left('--only', 'int8').wants('int8'))
  t.match(benchOptions(['--only', 'pytorch']), { leftOut: [], skipped: [] })
  t.ok(benchOptions([]).wants('int8'))
  const { threads, skipped } = benchOptions(['--quick', '--only', 'server'])
  t.strictSame(threads, [1])
  const cores = usableThreads()
  t.strictSame(skipped, cores > 1 ? [`${cores} threads: \`--quick\` leaves that out`] : [])
})

t.test('those who may take part have names of their own, and who sits out is one of them', async (t) => {
  const names = CONTESTANTS.map(({ name }) => name)
  t.equal(new Set(names).size, names.length)
  t.strictSame(
    NOT_QUICK.filter((name) => !names.includes(name)),
    []
  )
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
  for (const name of [...CONTESTANTS.map(({ family }) => family), ...benchOptions([]).shapes.map(({ name }) => name)]) {
    t.match(USAGE, name)
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
