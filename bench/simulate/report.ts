/** Tables of what simulations gave. */
import { batchMs } from './gpu.js'
import { POLICIES } from './policies.js'
import { simulate, type Simulation } from './simulate.js'
import { type TrafficName, trainers } from './traffic.js'

export interface Summary {
  /** Of the time in which sets were sent. */
  readonly rewardsPerSecond: number
  /** Tokens of the conversations rated, however few of them had to be computed. */
  readonly tokensPerSecond: number
  /** Seconds from sending to answer: quantiles 0.5, 0.95, 0.99. */
  readonly waits: readonly number[]
  /** The same quantile 0.99, of conversations of 3,000 tokens and more; null without any. */
  readonly longWait: number | null
  /** Part of the computed tokens that was padding, or a prompt that had been computed before. */
  readonly wasted: number
}

const LONG = 3000

export function summarize({ answered, computedTokens }: Simulation, duration: number): Summary {
  const inTime = answered.filter(({ answeredAt }) => answeredAt <= duration)
  const wait = ({ sentAt, answeredAt }: (typeof answered)[number]) => (answeredAt - sentAt) / 1000
  const waits = answered.map(wait).sort((a, b) => a - b)
  const long = answered.filter(({ tokens }) => tokens >= LONG).map(wait)
  long.sort((a, b) => a - b)
  const prompts = new Map(answered.map(({ promptKey, promptTokens }) => [promptKey, promptTokens]))
  const responses = answered.reduce((sum, { tokens, promptTokens }) => sum + tokens - promptTokens, 0)
  const needed = [...prompts.values()].reduce((sum, tokens) => sum + tokens, responses)
  return {
    rewardsPerSecond: (1000 * inTime.length) / duration,
    tokensPerSecond: (1000 * inTime.reduce((sum, { tokens }) => sum + tokens, 0)) / duration,
    waits: [0.5, 0.95, 0.99].map((part) => quantile(waits, part)),
    longWait: long.length > 0 ? quantile(long, 0.99) : null,
    wasted: computedTokens > 0 ? 1 - needed / computedTokens : 0
  }
}

/** The smallest value that so large a part does not exceed. @param sorted - rising; 0 when empty */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0
}

export interface Scenario {
  readonly traffic: TrafficName
  readonly gpus: number
  readonly trainers: number
  readonly seconds: number
  readonly seed: number
}

/** A Markdown table with a row for each policy. */
export function scenarioTable(scenario: Scenario): string {
  const { traffic, gpus, trainers: count, seconds, seed } = scenario
  const rows = POLICIES.map((policy) => {
    // Each policy meets the same trainers, not what is left of them.
    const simulation = simulate({
      trainers: trainers(traffic, count, seed),
      gpus,
      policy,
      batchMs,
      duration: 1000 * seconds
    })
    const { rewardsPerSecond, tokensPerSecond, waits, longWait, wasted } = summarize(simulation, 1000 * seconds)
    return [
      policy.name,
      Math.round(rewardsPerSecond).toLocaleString('en'),
      `${Math.round(tokensPerSecond / 1000).toLocaleString('en')}k`,
      ...waits.map((wait) => wait.toFixed(2)),
      longWait === null ? '' : longWait.toFixed(2),
      `${(100 * wasted).toFixed(1)} %`
    ]
  })
  const head = ['policy', 'rewards/s', 'tokens/s', 'p50 s', 'p95 s', 'p99 s', `p99 s, ${LONG}+ tokens`, 'wasted']
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`)
  return [`**${traffic}**: ${count} trainers, ${gpus} GPU${gpus === 1 ? '' : 's'}`, '', ...lines].join('\n')
}
