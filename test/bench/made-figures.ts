/** Figures that nobody measured, for tests of what is made of them. */
import { CONTESTANTS } from '../../bench/contestants/all.js'
import type { Figures, Run } from '../../bench/figures.js'

/** Contestants that took part. */
const PRESENT = ['server', 'engine', 'pytorch-fp32-single', 'pytorch-bf16-single', 'pytorch-bf16-padded', 'plain']

/** Ten conversations of a hundred tokens. */
export function run(
  load: string,
  contestant: string,
  round: number,
  seconds: number,
  threads = 1,
  cpuSeconds: number | null = null
): Run {
  return { load, threads, contestant, round, conversations: 10, tokens: 1000, seconds, cpuSeconds }
}

export function madeFigures(parts: Partial<Figures>): Figures {
  const load = { conversations: 10, responsesPerPrompt: 1, meanPromptTokens: 251.2, meanResponseTokens: 300.8 }
  return {
    date: '2001-02-03',
    quick: false,
    rounds: 3,
    data: 'made.jsonl',
    model: { name: 'made', revision: '0123456789abcdef', precision: 'fp32' },
    machine: {
      cpu: 'made',
      cores: 2,
      memoryGiB: 8,
      platform: 'made',
      versions: [['Node', 'v1']],
      loadAtStart: 0.1,
      loadAtEnd: 2.2
    },
    loads: [
      { name: 'ppo', title: 'PPO', ...load },
      { name: 'grpo-a', title: 'GRPO-A', ...load, responsesPerPrompt: 8 }
    ],
    contestants: CONTESTANTS.filter(({ name }) => PRESENT.includes(name)),
    runs: [],
    agreement: [],
    settings: [],
    lowLoad: null,
    repeats: null,
    tokenization: null,
    plainGraph: 'torch',
    skipped: [],
    ...parts
  }
}
