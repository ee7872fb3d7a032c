/** The report: Markdown made of the figures alone. */
import { bars } from './bars.js'
import {
  added,
  addedParts,
  cpuTokenRate,
  type Figures,
  members,
  rates,
  ratios,
  type REFERENCES,
  tokenRate
} from './figures.js'
import { quantile } from './statistics.js'

/** What the report needs besides figures, to be read without the code. */
const RULES = `Every contestant scores the same conversations, on the same backbone and heads, in the same run, in turn: A B C, A B C,
... Ratios are taken round by round, between figures measured minutes apart at most, and their median is shown with the
least and the largest. Each round has conversations of its own, so that nothing was seen before.

- **server**: \`armorm serve\` in processes of its own, over HTTP on the loopback, \`--cache-bytes 0\`, one conversation a
  request and all requests at once (in the load *one big batch*: one request). Its time includes tokenization, JSON and
  HTTP; the threads of the table are the engine's.
- **engine**: the same engine alone in a process, given token ids, in the batches that were fastest of several sizes.
- **PyTorch**: transformers' \`LlamaModel\` with PyTorch's own attention, heads in float32, given token ids. *padded*: sorted
  by length, padded to the right, the fastest of several batch sizes; causal attention never sees that padding, so no
  mask is passed, which is faster than what transformers' users mostly do. No \`torch.compile\`.
- **plain server**: HTTP and onnxruntime-node, each request alone, float32, tokenized on the event loop: what one writes in
  an afternoon. PLAIN_GRAPH
- **llama.cpp**: node-llama-cpp's prebuilt program for this processor, a GGUF of the backbone with f32 or bf16 matrices,
  given token ids, one conversation at a time, heads in float32. Its interface gives the state of the last token only:
  the state at the gate position takes a second run over the prompt, which responses to one prompt share. That run is
  counted in its time and not in its tokens.

Effective tokens count every conversation in full, as if nothing was shared. Processor time counts all processes of a
contestant, the server's HTTP and tokenizers too: on a machine that has other work besides, it says more than time does.`

/** What the plain server ran. */
const PLAIN_GRAPHS: Record<Figures['plainGraph'], string> = {
  torch: `Its backbone is what \`torch.onnx.export\` makes of \`LlamaModel\`, states of all positions, in a
  session with the options as they come but for the threads; its heads are this project's export.`,
  own: `In this run its graph could not be exported with Python, so it ran
  this project's own fp32 export, whose attention is fused and whose last layer computes only what is wanted: the peer
  is stronger than a plain one, and ratios to it are lower bounds.`
}

export function report(figures: Figures): string {
  const { date, quick, rounds, data, model, machine } = figures
  return [
    '# Benchmarks',
    '',
    `Written by \`npm run bench\`${quick ? ' with \`--quick\`: few repetitions of few conversations, a first impression' : ''}; not edited by hand.`,
    '',
    table(
      ['', ''],
      [
        ['date', date],
        ['model', `${model.name}, revision ${model.revision}, ${model.precision}`],
        ['processor', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB`],
        ['platform', machine.platform],
        ...machine.versions.map(([name, version]) => [name, version]),
        ['conversations', `built from ${data}`],
        ['rounds', String(rounds)],
        [
          'processes wanting a core',
          `${fixed(machine.loadAtStart, 1)} before, ${fixed(machine.loadAtEnd, 1)} at the end`
        ]
      ]
    ),
    '',
    ...(figures.skipped.length ? ['Not measured:', '', ...figures.skipped.map((line) => `- ${line}`), ''] : []),
    '## Bars',
    '',
    'Medians of ratios over the rounds (least to largest), every contestant on one thread.',
    '',
    table(
      ['bar', 'measured', 'by processor time', 'met?'],
      bars(figures).map(({ bar, measured, byCpu, met }) => [
        bar.replaceAll('>=', '≥').replaceAll('<=', '≤'),
        measured || 'not measured',
        byCpu,
        met === null ? '-' : met ? 'yes' : '**no**'
      ])
    ),
    '',
    '## How it is measured',
    '',
    RULES.replace('PLAIN_GRAPH', PLAIN_GRAPHS[figures.plainGraph]),
    '',
    '## Loads',
    '',
    table(
      ['load', 'conversations a round', 'responses a prompt', 'mean prompt tokens', 'mean response tokens'],
      figures.loads.map((load) => [
        load.title,
        String(load.conversations),
        String(load.responsesPerPrompt),
        fixed(load.meanPromptTokens, 0),
        fixed(load.meanResponseTokens, 0)
      ])
    ),
    '',
    ...threadCounts(figures).flatMap((threads) => [...rateTables(figures, threads), '']),
    ...lowLoadLines(figures),
    ...repeatLines(figures),
    ...tokenizationLines(figures),
    ...agreementLines(figures),
    ...settingLines(figures)
  ]
    .join('\n')
    .trimEnd()
    .concat('\n')
}

const threadCounts = ({ runs }: Figures): number[] =>
  [...new Set(runs.map(({ threads }) => threads))].sort((a, b) => a - b)

function rateTables(figures: Figures, threads: number): string[] {
  const lines = [`## ${threads === 1 ? 'One thread' : `${threads} threads`}`]
  for (const { name: load, title } of figures.loads) {
    const rows = figures.contestants.flatMap((contestant) => {
      const found = rates(figures, load, threads, contestant.name)
      if (found === null) return []
      const ratio = (others: readonly string[]) => {
        const against = others.includes(contestant.name)
          ? null
          : ratios(figures, load, threads, contestant.name, others)
        return against === null
          ? ''
          : `${fixed(against.median, 2)} (${fixed(against.low, 2)} to ${fixed(against.high, 2)})`
      }
      const perCpu = cpuTokenRate(figures, load, threads, contestant.name)
      return [
        [
          contestant.title,
          `${fixed(found.median, 2)} (${fixed(found.low, 2)} to ${fixed(found.high, 2)})`,
          fixed(tokenRate(figures, load, threads, contestant.name)!, 0),
          perCpu === null ? '' : fixed(perCpu, 0),
          ratio(members(figures, 'pytorch')),
          ratio(members(figures, 'plain'))
        ]
      ]
    })
    if (rows.length === 0) continue
    lines.push(
      '',
      `**${title}**`,
      '',
      table(
        ['', 'conversations/s', 'effective tokens/s', 'tokens per CPU second', '/ best PyTorch', '/ plain server'],
        rows
      )
    )
  }
  return lines
}

function lowLoadLines({ lowLoad }: Figures): string[] {
  if (lowLoad === null) return []
  const { tokenize, pipe, rest } = addedParts(lowLoad)
  const row = (name: string, values: readonly number[]) => [
    name,
    ...[0.5, 0.9, 0.99].map((share) => fixed(quantile(values, share), 1))
  ]
  return [
    '## Low load',
    '',
    `${lowLoad.conversations} conversations of ${fixed(lowLoad.meanTokens, 0)} tokens on average, one after another; milliseconds. The engine's time is that of the`,
    'same conversation, alone in process, right after; what the server adds is tokenization, the way to the process of its',
    'engine and back, and the rest: client, loopback, HTTP, JSON. A bare server is one of `node:http` alone that reads the same',
    'body and answers a few bytes: what of the rest is left where nothing is done.',
    '',
    table(
      ['', 'p50', 'p90', 'p99'],
      [
        row('request over HTTP', lowLoad.http),
        row('engine alone', lowLoad.engine),
        row('added by the server', added(lowLoad)),
        row('of that: tokenization', tokenize),
        row('of that: to the engine and back', pipe),
        row('of that: the rest', rest),
        row('for comparison: a bare server', lowLoad.bare)
      ]
    ),
    ''
  ]
}

function repeatLines({ repeats }: Figures): string[] {
  if (repeats === null) return []
  const { conversations, firstSeconds, repeatSeconds } = repeats
  return [
    '## Repeats',
    '',
    `With the cache at its default size, ${conversations} conversations sent again are answered from memory at`,
    `${fixed(conversations / repeatSeconds, 0)} conversations/s; the first time they took ${fixed(conversations / firstSeconds, 2)} conversations/s.`,
    ''
  ]
}

function tokenizationLines({ tokenization }: Figures): string[] {
  if (tokenization === null) return []
  const { tokens, tokensPerSecond, idlePauseMs, loadedPauseMs, requests, requestTokens } = tokenization
  return [
    '## Tokenization',
    '',
    table(
      ['', ''],
      [
        [`tokens/s of one worker, over ${tokens} tokens`, fixed(tokensPerSecond, 0)],
        ["longest pause of the server's event loop without work", `${fixed(idlePauseMs, 1)} ms`],
        [
          `the same while ${requests} conversations of about ${requestTokens} tokens wait to be tokenized`,
          `${fixed(loadedPauseMs, 1)} ms`
        ]
      ]
    ),
    ''
  ]
}

function agreementLines({ agreement, contestants }: Figures): string[] {
  if (agreement.length === 0) return []
  const names = [...new Set(agreement.map(({ contestant }) => contestant))]
  return [
    '## Agreement',
    '',
    "Largest difference of a score from the engine's, and from the plain server's, which runs each conversation alone.",
    '',
    table(
      ['', 'conversations', 'from the engine', 'from the plain server'],
      names.map((name) => {
        const found = agreement.filter(({ contestant }) => contestant === name)
        const from = (reference: (typeof REFERENCES)[number]) =>
          found.find((each) => each.reference === reference)?.largest.toExponential(1) ?? ''
        return [
          contestants.find((each) => each.name === name)?.title ?? name,
          String(Math.max(...found.map(({ conversations }) => conversations))),
          from('engine'),
          from('plain')
        ]
      })
    ),
    ''
  ]
}

function settingLines({ settings, contestants, loads }: Figures): string[] {
  if (settings.length === 0) return []
  return [
    '## Settings chosen before the rounds',
    '',
    table(
      ['', 'load', 'threads', 'fastest'],
      settings.map(({ contestant, load, threads, chosen }) => [
        contestants.find(({ name }) => name === contestant)?.title ?? contestant,
        loads.find(({ name }) => name === load)?.title ?? load,
        String(threads),
        chosen
      ])
    ),
    ''
  ]
}

const fixed = (value: number, digits: number): string => value.toFixed(digits)

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
