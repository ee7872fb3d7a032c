/** What was measured, and what it has to be. */
import type { MachineFigures } from '../figures.js'
import { quantile } from '../statistics.js'
import type { Answer } from './load.js'

/** One load. */
export interface PhaseFigures {
  /** Times the capacity. */
  readonly load: number
  readonly requests: number
  /** Tokens of the requests that were answered in time, a second: of short requests more are served than of long ones. */
  readonly goodput: number
  /** Answered in time, refused at once (429), out of time (504), and anything else. */
  readonly accepted: number
  readonly refused: number
  readonly expired: number
  readonly other: number
  /** Milliseconds of those that were accepted, and of refusals; quantiles 0.5 and 0.99; null without any. */
  readonly acceptedMs: readonly [number, number] | null
  readonly refusedMs: readonly [number, number] | null
  /** Milliseconds by which the server's event loop was late: quantile 0.99, and the most. */
  readonly lagMs: readonly [number, number]
}

export interface SeriesFigures {
  readonly engine: string
  /** Requests a second that the engine can serve. */
  readonly capacity: number
  readonly meanTokens: number
  readonly deadlineMs: number
  readonly phases: readonly PhaseFigures[]
}

/** Clients that all come at once, and obey `Retry-After`. */
export interface BurstFigures {
  readonly clients: number
  readonly answered: number
  /** How often a client asked: mean, quantile 0.99, most. */
  readonly tries: readonly [number, number, number]
  /** Seconds until the last was answered, and those that the work takes. */
  readonly seconds: number
  readonly workSeconds: number
}

export interface OverloadFigures {
  readonly date: string
  readonly machine: MachineFigures
  readonly model: string
  readonly series: readonly SeriesFigures[]
  readonly burst: BurstFigures
}

/** Of a reply of `POST /score`. */
export function tokensOf(body: string): number {
  return (JSON.parse(body) as { usage: { tokens: number } }).usage.tokens
}

/** @param settleMs - of the beginning, while the queue fills, that count for nothing */
export function phaseFigures(
  load: number,
  answers: readonly Answer[],
  deadlineMs: number,
  settleMs: number,
  lagMs: readonly [number, number]
): PhaseFigures {
  const began = Math.min(...answers.map(({ sentAt }) => sentAt))
  const from = began + settleMs
  const to = Math.max(...answers.map(({ sentAt }) => sentAt))
  const inTime = answers.filter((each) => each.status === 200 && each.endedAt - each.sentAt <= deadlineMs)
  const counted = inTime.filter(({ endedAt }) => endedAt >= from && endedAt < to)
  const tokens = counted.reduce((sum, { body }) => sum + tokensOf(body), 0)
  const count = (status: number) => answers.filter((each) => each.status === status).length
  const took = (status: number): [number, number] | null => {
    const times = answers.filter((each) => each.status === status).map(({ sentAt, endedAt }) => endedAt - sentAt)
    return times.length === 0 ? null : [quantile(times, 0.5), quantile(times, 0.99)]
  }
  const [accepted, refused, expired] = [count(200), count(429), count(504)]
  return {
    load,
    requests: answers.length,
    goodput: (1000 * tokens) / (to - from),
    accepted,
    refused,
    expired,
    other: answers.length - accepted - refused - expired,
    acceptedMs: took(200),
    refusedMs: took(429),
    lagMs
  }
}

export interface Bar {
  readonly bar: string
  readonly measured: string
  readonly met: boolean
}

const GOODPUT_KEPT = 0.9

/** What is promised of each series. */
export function bars({ series, burst }: Pick<OverloadFigures, 'series' | 'burst'>): Bar[] {
  const ofSeries = series.flatMap(({ engine, phases, deadlineMs }) => {
    const peak = Math.max(...phases.map(({ goodput }) => goodput))
    const most = phases.reduce((a, b) => (b.load > a.load ? b : a))
    const kept = most.goodput / peak
    const slowest = Math.max(...phases.map(({ acceptedMs }) => acceptedMs?.[1] ?? 0))
    const others = phases.reduce((sum, { other }) => sum + other, 0)
    return [
      {
        bar: `${engine}: goodput at ${most.load}x is at least ${100 * GOODPUT_KEPT} % of its peak`,
        measured: `${(100 * kept).toFixed(1)} %`,
        met: kept >= GOODPUT_KEPT
      },
      {
        bar: `${engine}: p99 of accepted requests is within the deadline of ${deadlineMs} ms`,
        measured: `${slowest.toFixed(0)} ms`,
        met: slowest <= deadlineMs
      },
      { bar: `${engine}: nothing is lost or answered otherwise`, measured: String(others), met: others === 0 }
    ]
  })
  return [
    ...ofSeries,
    {
      bar: 'clients that obey Retry-After are all answered',
      measured: `${burst.answered} of ${burst.clients}`,
      met: burst.answered === burst.clients
    }
  ]
}
