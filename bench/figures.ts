/** What the bench measures, and nothing computed from it: the report is made of this alone. */
import { median, spread, type Spread } from './statistics.js'

/** One contestant's run over the conversations of one load in one round. */
export interface Run {
  readonly load: string
  readonly threads: number
  readonly contestant: string
  readonly round: number
  readonly conversations: number
  /** As if nothing was shared. */
  readonly tokens: number
  readonly seconds: number
  /** Processor time of all processes that take part; null where it is not known. */
  readonly cpuSeconds: number | null
}

export interface LoadFigures {
  readonly name: string
  readonly title: string
  readonly conversations: number
  readonly responsesPerPrompt: number
  readonly meanPromptTokens: number
  readonly meanResponseTokens: number
}

export interface ContestantFigures {
  readonly name: string
  readonly title: string
  /** PyTorch's variants compete as one: the best of them counts. */
  readonly family: 'server' | 'engine' | 'int8' | 'pytorch' | 'plain' | 'llama.cpp'
}

/** Whose scores the others' are held against: batches that share prompts, and each conversation alone. */
export const REFERENCES = ['engine', 'plain'] as const

export interface Agreement {
  readonly contestant: string
  readonly reference: (typeof REFERENCES)[number]
  readonly conversations: number
  /** Largest difference of a score from the reference's for the same conversation; Infinity where one is NaN. */
  readonly largest: number
}

export interface Setting {
  readonly contestant: string
  readonly load: string
  readonly threads: number
  readonly chosen: string
}

export interface LowLoadFigures {
  readonly conversations: number
  readonly meanTokens: number
  /** Milliseconds, one a conversation. */
  readonly http: readonly number[]
  readonly engine: readonly number[]
  /** As the reply's `timing` states; `run` with the way to the engine's process and back. */
  readonly tokenize: readonly number[]
  readonly run: readonly number[]
  /** The same body sent to a server that does nothing: the client's own time and the loopback's. */
  readonly bare: readonly number[]
}

export interface RepeatFigures {
  readonly conversations: number
  readonly firstSeconds: number
  readonly repeatSeconds: number
}

export interface TokenizationFigures {
  readonly tokens: number
  readonly tokensPerSecond: number
  /** Longest pause of the server's event loop in milliseconds, without and with work for the tokenizers. */
  readonly idlePauseMs: number
  readonly loadedPauseMs: number
  readonly requests: number
  readonly requestTokens: number
}

export interface MachineFigures {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
  /** Name and version of whatever took part. */
  readonly versions: readonly (readonly [string, string])[]
  /** Processes that wanted a core, on average over the minute before the start and before the end. */
  readonly loadAtStart: number
  readonly loadAtEnd: number
}

export interface Figures {
  readonly date: string
  readonly quick: boolean
  readonly rounds: number
  readonly data: string
  readonly model: { readonly name: string; readonly revision: string; readonly precision: string }
  readonly machine: MachineFigures
  readonly loads: readonly LoadFigures[]
  readonly contestants: readonly ContestantFigures[]
  readonly runs: readonly Run[]
  readonly agreement: readonly Agreement[]
  readonly settings: readonly Setting[]
  readonly lowLoad: LowLoadFigures | null
  readonly repeats: RepeatFigures | null
  readonly tokenization: TokenizationFigures | null
  /** Whose graph the plain server ran: that of torch.onnx.export, or of this project's exporter. */
  readonly plainGraph: 'torch' | 'own'
  /** Who did not take part, and why. */
  readonly skipped: readonly string[]
}

/** Whether rates count seconds that passed, or seconds of processor time. */
export type Clock = 'seconds' | 'cpuSeconds'

const rate = (run: Run, clock: Clock = 'seconds'): number => run.conversations / (run[clock] ?? NaN)

/** Runs of a contestant on a load, first round first. */
export function runsOf(figures: Figures, load: string, threads: number, contestant: string): Run[] {
  return figures.runs
    .filter((run) => run.load === load && run.threads === threads && run.contestant === contestant)
    .sort((a, b) => a.round - b.round)
}

/** Conversations a second over the rounds; null where the contestant has not run. */
export function rates(figures: Figures, load: string, threads: number, contestant: string): Spread | null {
  const runs = runsOf(figures, load, threads, contestant)
  return runs.length ? spread(runs.map((run) => rate(run))) : null
}

/** Effective tokens a second, median over the rounds; null where the contestant has not run. */
export function tokenRate(figures: Figures, load: string, threads: number, contestant: string): number | null {
  const runs = runsOf(figures, load, threads, contestant)
  return runs.length ? median(runs.map(({ tokens, seconds }) => tokens / seconds)) : null
}

/** Effective tokens a second of processor time, median over the rounds; null where it is not known. */
export function cpuTokenRate(figures: Figures, load: string, threads: number, contestant: string): number | null {
  const known = runsOf(figures, load, threads, contestant).flatMap(({ tokens, cpuSeconds }) =>
    cpuSeconds === null ? [] : [tokens / cpuSeconds]
  )
  return known.length ? median(known) : null
}

/**
 * Ratios, round by round, of a contestant's rate to the best rate of the others in the same round; null where either
 * has not run.
 */
export function ratios(
  figures: Figures,
  load: string,
  threads: number,
  contestant: string,
  others: readonly string[],
  clock: Clock = 'seconds'
): Spread | null {
  const found = runsOf(figures, load, threads, contestant).flatMap((run) => {
    const rivals = figures.runs.filter(
      (other) =>
        other.load === load &&
        other.threads === threads &&
        other.round === run.round &&
        others.includes(other.contestant)
    )
    return rivals.length ? [rate(run, clock) / Math.max(...rivals.map((rival) => rate(rival, clock)))] : []
  })
  return found.length && found.every(Number.isFinite) ? spread(found) : null
}

/** Names of the contestants of a family. */
export const members = ({ contestants }: Figures, family: ContestantFigures['family']): string[] =>
  contestants.filter((contestant) => contestant.family === family).map(({ name }) => name)

/** Milliseconds that the server adds to the engine's time for the same conversation, one a conversation. */
export const added = ({ http, engine }: LowLoadFigures): number[] => http.map((ms, i) => ms - engine[i]!)

/** What that is made of: tokenization, the way to the engine's process and back, and the rest. */
export function addedParts({
  http,
  engine,
  tokenize,
  run
}: LowLoadFigures): Record<'tokenize' | 'pipe' | 'rest', readonly number[]> {
  return {
    tokenize,
    pipe: run.map((ms, i) => ms - engine[i]!),
    rest: http.map((ms, i) => ms - tokenize[i]! - run[i]!)
  }
}
