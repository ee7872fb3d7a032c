/** The bars that the project sets itself, held against what was measured. */
import { added, type Figures, members, ratios } from './figures.js'
import { median, type Spread } from './statistics.js'

export interface Bar {
  readonly bar: string
  /** Empty where it could not be measured. */
  readonly measured: string
  /** The same with processor time for time: what it is worth on a machine that has other work too. */
  readonly byCpu: string
  /** null: not measured. */
  readonly met: boolean | null
}

/** Threads of every contestant where bars are judged: the load generator has the other core. */
export const BAR_THREADS = 1

const AGAINST_PYTORCH = [
  ['grpo-a', 2],
  ['grpo-b', 1.3],
  ['ppo', 1]
] as const
const AGAINST_PLAIN = [
  ['grpo-a', 4],
  ['ppo', 1.7]
] as const
const OF_ENGINE = ['ppo', 'grpo-a', 'grpo-b', 'batch'] as const
const LEAST_OF_ENGINE = 0.9
const MOST_ADDED_MS = 3
/** What the tests hold fp32 exports to, against PyTorch. */
const MOST_DIFFERENCE = 1e-4

/** Our contestants of each precision: the server, and the engine that it is held against. */
const EDITIONS = [
  { server: 'server', engine: 'engine', words: 'server' },
  { server: 'server-int8', engine: 'engine-int8', words: 'int8 server' }
] as const

export function bars(figures: Figures): Bar[] {
  const title = (load: string) => figures.loads.find(({ name }) => name === load)?.title ?? load
  const present = EDITIONS.filter(({ server }) => figures.contestants.some(({ name }) => name === server))
  const ours = present.length > 0 ? present : [EDITIONS[0]]
  return [
    ...ours.flatMap(({ server, engine, words }) => {
      const against = (load: string, least: number, others: readonly string[], what: string): Bar =>
        judged(
          `${title(load)}: ${words} / ${what} >= ${least}`,
          ratios(figures, load, BAR_THREADS, server, others),
          ratios(figures, load, BAR_THREADS, server, others, 'cpuSeconds'),
          least
        )
      return [
        ...AGAINST_PYTORCH.map(([load, least]) => against(load, least, members(figures, 'pytorch'), 'best of PyTorch')),
        ...AGAINST_PLAIN.map(([load, least]) =>
          against(load, least, members(figures, 'plain'), 'plain onnxruntime-node server')
        ),
        ...OF_ENGINE.map((load) => against(load, LEAST_OF_ENGINE, [engine], 'engine alone'))
      ]
    }),
    lowLoad(figures),
    agreement(figures)
  ]
}

function judged(bar: string, found: Spread | null, cpu: Spread | null, least: number): Bar {
  const byCpu = cpu === null ? '' : cpu.median.toFixed(2)
  if (found === null) return { bar, measured: '', byCpu, met: null }
  const { median, low, high } = found
  return {
    bar,
    measured: `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`,
    byCpu,
    met: median >= least
  }
}

function lowLoad({ lowLoad }: Figures): Bar {
  const bar = `low load: milliseconds added to the engine's time, p50 <= ${MOST_ADDED_MS}`
  if (lowLoad === null) return { bar, measured: '', byCpu: '', met: null }
  const found = median(added(lowLoad))
  return { bar, measured: found.toFixed(1), byCpu: '', met: found <= MOST_ADDED_MS }
}

/** Whatever a conversation's batch was, and whatever it shared: its score is that of running alone. */
function agreement({ agreement }: Figures): Bar {
  const bar = `scores: largest difference from the plain onnxruntime-node server, which runs each conversation alone <= ${MOST_DIFFERENCE}`
  const found = agreement.find(({ contestant, reference }) => contestant === 'server' && reference === 'plain')
  if (!found) return { bar, measured: '', byCpu: '', met: null }
  return { bar, measured: found.largest.toExponential(1), byCpu: '', met: found.largest <= MOST_DIFFERENCE }
}
