import t from 'tap'
import { bars } from '../../bench/bars.js'
import { added, addedParts, cpuTokenRate, rates, ratios, tokenRate } from '../../bench/figures.js'
import { report } from '../../bench/report.js'
import { mean, median, quantile, spread } from '../../bench/statistics.js'
import { madeFigures, run } from './made-figures.js'

t.test('medians and quantiles', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
  t.equal(quantile([0, 10], 0.9), 9)
  t.equal(quantile([5], 0.99), 5)
  t.equal(mean([1, 2, 6]), 3)
  t.strictSame(spread([2, 9, 4]), { median: 4, low: 2, high: 9, count: 3 })
  t.throws(() => median([]), RangeError)
})

t.test('rates over the rounds', async (t) => {
  const figures = madeFigures({
    runs: [
      run('ppo', 'server', 0, 2),
      run('ppo', 'server', 1, 4),
      run('ppo', 'server', 2, 8),
      run('ppo', 'engine', 0, 1)
    ]
  })
  t.strictSame(rates(figures, 'ppo', 1, 'server'), { median: 2.5, low: 1.25, high: 5, count: 3 })
  t.equal(tokenRate(figures, 'ppo', 1, 'server'), 250)
  t.equal(rates(figures, 'ppo', 2, 'server'), null, 'other threads')
  t.equal(rates(figures, 'grpo-a', 1, 'server'), null, 'another load')
  t.equal(cpuTokenRate(figures, 'ppo', 1, 'server'), null)
})

t.test('a ratio is taken within its round, against the best of the others there', async (t) => {
  const figures = madeFigures({
    runs: [
      run('ppo', 'server', 0, 1),
      run('ppo', 'pytorch-fp32-single', 0, 4),
      run('ppo', 'pytorch-bf16-single', 0, 2),
      run('ppo', 'server', 1, 10),
      run('ppo', 'pytorch-fp32-single', 1, 15),
      run('ppo', 'pytorch-bf16-single', 1, 40),
      run('ppo', 'server', 2, 1)
    ]
  })
  const found = ratios(figures, 'ppo', 1, 'server', ['pytorch-fp32-single', 'pytorch-bf16-single'])
  t.strictSame(found, { median: 1.75, low: 1.5, high: 2, count: 2 })
  t.equal(ratios(figures, 'ppo', 1, 'server', ['plain']), null)
})

t.test('a ratio by processor time needs that of both', async (t) => {
  const runs = [run('ppo', 'server', 0, 9, 1, 2), run('ppo', 'plain', 0, 9, 1, 5)]
  t.equal(ratios(madeFigures({ runs }), 'ppo', 1, 'server', ['plain'], 'cpuSeconds')?.median, 2.5)
  t.match(
    bars(madeFigures({ runs })).find(({ bar }) => bar.includes('PPO: server / plain')),
    { byCpu: '2.50', met: false }
  )
  const unknown = [runs[0]!, run('ppo', 'plain', 0, 9)]
  t.equal(ratios(madeFigures({ runs: unknown }), 'ppo', 1, 'server', ['plain'], 'cpuSeconds'), null)
})

t.test('bars are met, missed or not measured', async (t) => {
  const figures = madeFigures({
    runs: [
      run('ppo', 'server', 0, 2),
      run('ppo', 'pytorch-bf16-padded', 0, 3),
      run('grpo-a', 'server', 0, 2),
      run('grpo-a', 'pytorch-bf16-padded', 0, 3)
    ],
    lowLoad: {
      conversations: 3,
      meanTokens: 500,
      http: [12, 14, 30],
      engine: [10, 10, 10],
      tokenize: [1, 1, 2],
      run: [10.5, 11, 20],
      bare: [1, 1, 1]
    }
  })
  const found = bars(figures)
  const of = (part: string) => found.find(({ bar }) => bar.includes(part))
  t.match(of('PPO: server / best of PyTorch'), { measured: /^1\.50/, met: true })
  t.match(of('GRPO-A: server / best of PyTorch'), { measured: /^1\.50/, met: false })
  t.match(of('PPO: server / engine'), { measured: '', met: null })
  t.match(of('low load'), { measured: '4.0', met: false })
  t.strictSame(added(figures.lowLoad!), [2, 4, 20])
  t.strictSame(addedParts(figures.lowLoad!), { tokenize: [1, 1, 2], pipe: [0.5, 1, 10], rest: [0.5, 2, 8] })
})

t.test('the bars, and what they ask for', async (t) => {
  const titles = { ppo: 'PPO', 'grpo-a': 'GRPO-A', 'grpo-b': 'grpo-b', batch: 'batch' }
  const asked = [
    ['grpo-a', 'pytorch-bf16-padded', 'best of PyTorch', 2],
    ['grpo-b', 'pytorch-bf16-padded', 'best of PyTorch', 1.3],
    ['ppo', 'pytorch-bf16-padded', 'best of PyTorch', 1],
    ['grpo-a', 'plain', 'plain onnxruntime-node server', 4],
    ['ppo', 'plain', 'plain onnxruntime-node server', 1.7],
    ['ppo', 'engine', 'engine alone', 0.9],
    ['grpo-a', 'engine', 'engine alone', 0.9],
    ['grpo-b', 'engine', 'engine alone', 0.9],
    ['batch', 'engine', 'engine alone', 0.9]
  ] as const
  const names = asked.map(([load, , words, least]) => `${titles[load]}: server / ${words} >= ${least}`)
  const lowLoad = "low load: milliseconds added to the engine's time, p50 <= 3"
  const scores =
    'scores: largest difference from the plain onnxruntime-node server, which runs each conversation alone <= 0.0001'
  t.strictSame(
    bars(madeFigures({})).map(({ bar }) => bar),
    [...names, lowLoad, scores]
  )
  const met = (load: keyof typeof titles, other: string, ratio: number, bar: string) => {
    const runs = [run(load, 'server', 0, 1), run(load, other, 0, ratio)]
    return bars(madeFigures({ runs })).find((each) => each.bar === bar)?.met
  }
  for (const [i, [load, other, , least]] of asked.entries()) {
    t.equal(met(load, other, least, names[i]!), true, `${names[i]}: as much is enough`)
    t.equal(met(load, other, 0.999 * least, names[i]!), false, `${names[i]}: less is not`)
  }
  const adding = (ms: number) => {
    const times = { http: [10 + ms], engine: [10], tokenize: [1], run: [10], bare: [1] }
    return bars(madeFigures({ lowLoad: { conversations: 1, meanTokens: 500, ...times } })).find(
      ({ bar }) => bar === lowLoad
    )
  }
  t.match(adding(3), { bar: lowLoad, met: true })
  t.match(adding(3.01), { met: false })
  const differing = (contestant: string, reference: 'engine' | 'plain', largest: number) =>
    bars(madeFigures({ agreement: [{ contestant, reference, conversations: 1, largest }] })).at(-1)!
  t.match(differing('server', 'plain', 1e-4), { bar: scores, measured: '1.0e-4', met: true })
  t.match(differing('server', 'plain', 1.1e-4), { met: false })
  t.match(differing('server', 'plain', Infinity), { met: false })
  t.match(differing('server', 'engine', 0), { measured: '', met: null })
  t.match(differing('engine', 'plain', 0), { met: null })
})

t.test('an int8 server is held to the same bars, against the engine on its own bundle', async (t) => {
  const made = madeFigures({
    runs: [
      run('ppo', 'server-int8', 0, 1),
      run('ppo', 'engine-int8', 0, 0.5),
      run('ppo', 'engine', 0, 2),
      run('ppo', 'plain', 0, 2)
    ]
  })
  const int8 = ['server-int8', 'engine-int8'].map((name) => ({ name, title: name, family: 'int8' as const }))
  const found = bars({ ...made, contestants: [...made.contestants, ...int8] })
  const of = (part: string) => found.find(({ bar }) => bar.includes(part))
  t.match(of('PPO: int8 server / plain'), { measured: /^2\.00/, met: true })
  t.match(of('PPO: int8 server / engine'), { measured: /^0\.50/, met: false })
  t.equal(
    bars(made).some(({ bar }) => bar.includes('int8')),
    false
  )
})

t.test('the report holds what was measured', async (t) => {
  const text = report(
    madeFigures({
      runs: [
        run('ppo', 'server', 0, 2),
        run('ppo', 'engine', 0, 1, 1, 0.5),
        run('ppo', 'pytorch-bf16-padded', 0, 4),
        run('ppo', 'server', 0, 1, 2)
      ],
      settings: [{ contestant: 'engine', load: 'ppo', threads: 1, chosen: 'one by one' }],
      agreement: [
        { contestant: 'plain', reference: 'engine', conversations: 7, largest: 0.000123 },
        { contestant: 'server', reference: 'engine', conversations: 9, largest: 0 },
        { contestant: 'server', reference: 'plain', conversations: 7, largest: 0.000456 }
      ],
      repeats: { conversations: 10, firstSeconds: 5, repeatSeconds: 0.01 },
      tokenization: {
        tokens: 5000,
        tokensPerSecond: 98765.4,
        idlePauseMs: 11.04,
        loadedPauseMs: 12.06,
        requests: 32,
        requestTokens: 9000
      },
      skipped: ['llama.cpp: it has a reason']
    })
  )
  t.match(text, '- llama.cpp: it has a reason')
  t.match(text, '| PPO | 10 | 1 | 251 | 301 |')
  t.match(text, '| server | 5.00 (5.00 to 5.00) | 500 |  | 2.00 (2.00 to 2.00) |  |')
  t.match(text, '| engine | 10.00 (10.00 to 10.00) | 1000 | 2000 | 4.00 (4.00 to 4.00) |  |')
  t.match(text, '| PyTorch bf16, padded | 2.50 (2.50 to 2.50) | 250 |  |  |  |')
  t.match(text, '## 2 threads')
  t.match(text, '| engine | PPO | 1 | one by one |')
  t.match(text, '| plain server, fp32 | 7 | 1.2e-4 |  |')
  t.match(text, '| server | 9 | 0.0e+0 | 4.6e-4 |')
  t.match(text, '1000 conversations/s; the first time they took 2.00 conversations/s')
  t.match(text, '98765')
  t.match(text, '12.1 ms')
  t.notMatch(text, /NaN|undefined|null/)
  t.notMatch(text, '## Low load', 'what was not measured has no section')
  for (const line of text.split('\n').filter((each) => each.startsWith('|'))) t.match(line, / \|$/)
})

t.test('the report says whose graph the plain server ran', async (t) => {
  const torch = report(madeFigures({ plainGraph: 'torch' }))
  const own = report(madeFigures({ plainGraph: 'own' }))
  t.match(torch, '`torch.onnx.export` makes of `LlamaModel`')
  t.notMatch(torch, 'lower bounds')
  t.match(own, "this project's own fp32 export")
  t.notMatch(own, 'torch.onnx.export')
  t.notMatch(torch + own, 'PLAIN_GRAPH')
})
