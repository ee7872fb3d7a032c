/** Command line of the bench. */
import { parseArgs } from 'node:util'
import { usableThreads } from '../src/engine/threads.js'
import { WrongOption } from './command-line.js'
import { CONTESTANTS, NOT_QUICK } from './contestants/all.js'
import type { LoadShape } from './loads.js'

export const USAGE = `usage: npm run bench -- [options]
  --quick                few repetitions of few conversations; printed, not written
  --data <jsonl>         conversations to build from; default bench/conversations.jsonl
  --only <names>         comma-separated contestants (server, engine, int8, pytorch, plain, llama.cpp) and
                         loads (ppo, grpo-a, grpo-b, batch, low-load, repeats, tokenization); printed, not written
  --model <bundle>       bundle to serve; default models/default
  --checkpoint <folder>  its checkpoint, for the peers; default: rebuilt from the bundle
  --python <program>     Python that has the packages of bench/peers/requirements.txt; default: one of its own
  --threads <list>       comma-separated numbers of threads; default: 1 and all cores, with --quick 1
  --rounds <n>           rounds; default 5, with --quick 2
  --out <file>           where the report goes; default docs/benchmarks.md`

const FAMILIES: readonly string[] = [...new Set(CONTESTANTS.map(({ family }) => family))]
const JOBS = ['low-load', 'repeats', 'tokenization']

export interface BenchOptions {
  readonly quick: boolean
  readonly data: string
  readonly model: string
  readonly checkpoint: string | null
  readonly python: string | null
  readonly threads: readonly number[]
  readonly rounds: number
  /** null: printed only. */
  readonly out: string | null
  readonly shapes: readonly LoadShape[]
  /** Conversations of the job `low-load`. */
  readonly lowLoad: number
  /** Whether a contestant, load or job takes part. */
  readonly wants: (name: string) => boolean
  /** Names of the contestants that only `--quick` keeps from taking part. */
  readonly leftOut: readonly string[]
  /** What `--quick` leaves out, in words. */
  readonly skipped: readonly string[]
}

const FULL: readonly LoadShape[] = [
  shape('ppo', 'PPO: 64 clients, one response each', 64, 1, 250, 300),
  shape('grpo-a', 'GRPO-A: 8 responses a prompt, short', 8, 8, 260, 95),
  shape('grpo-b', 'GRPO-B: 8 responses a prompt, long', 4, 8, 250, 500),
  shape('batch', 'one big batch', 16, 4, 200, 250)
]
const QUICK: readonly LoadShape[] = [
  shape('ppo', 'PPO: 12 clients, one response each', 12, 1, 250, 300),
  shape('grpo-a', 'GRPO-A: 8 responses a prompt, short', 2, 8, 260, 95),
  shape('grpo-b', 'GRPO-B: 8 responses a prompt, long', 1, 8, 250, 500),
  shape('batch', 'one big batch', 2, 4, 200, 250)
]

function shape(
  name: string,
  title: string,
  prompts: number,
  responsesPerPrompt: number,
  promptTokens: number,
  responseTokens: number
): LoadShape {
  return { name, title, prompts, responsesPerPrompt, promptTokens, responseTokens }
}

/** @throws WrongOption, or an error of parseArgs, naming the option and what is wrong with it */
export function benchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      data: { type: 'string', default: 'bench/conversations.jsonl' },
      only: { type: 'string' },
      model: { type: 'string', default: 'models/default' },
      checkpoint: { type: 'string' },
      python: { type: 'string' },
      threads: { type: 'string' },
      rounds: { type: 'string' },
      out: { type: 'string' }
    }
  })
  const { quick } = values
  const shapes = quick ? QUICK : FULL
  const only = values.only?.split(',')
  const names: readonly (readonly string[])[] = [FAMILIES, [...shapes.map(({ name }) => name), ...JOBS]]
  const unknown = only?.find((name) => !names.flat().includes(name))
  if (unknown !== undefined) throw new WrongOption(`--only ${unknown}: not one of ${names.flat().join(', ')}`)
  // Naming loads alone leaves all contestants in, and the other way round.
  const asked = (name: string): boolean => {
    const alike = names.find((group) => group.includes(name)) ?? []
    const named = only?.filter((each) => alike.includes(each)) ?? []
    return named.length === 0 || named.includes(name)
  }
  const leftOut = CONTESTANTS.filter(({ name, family }) => {
    return quick && NOT_QUICK.includes(name) && asked(family) && !(family === 'int8' && only?.includes(family))
  })
  const wants = (name: string): boolean => {
    return asked(name) && !(name === 'int8' && leftOut.some(({ family }) => family === name))
  }
  const all = usableThreads()
  const threads = values.threads?.split(',').map((text) => count('--threads', text))
  return {
    quick,
    data: values.data,
    model: values.model,
    checkpoint: values.checkpoint ?? null,
    python: values.python ?? null,
    threads: threads ?? (quick || all === 1 ? [1] : [1, all]),
    rounds: values.rounds === undefined ? (quick ? 2 : 5) : count('--rounds', values.rounds),
    out: values.out ?? (quick || only ? null : 'docs/benchmarks.md'),
    shapes: shapes.filter(({ name }) => wants(name)),
    lowLoad: quick ? 12 : 48,
    wants,
    leftOut: leftOut.map(({ name }) => name),
    skipped: [
      ...leftOut.map(({ title }) => title),
      ...(quick && threads === undefined && all > 1 ? [`${all} threads`] : [])
    ].map((what) => `${what}: \`--quick\` leaves that out`)
  }
}

function count(flag: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new WrongOption(`${flag} ${text} is not a number of at least 1`)
}
