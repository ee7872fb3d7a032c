/** The report: Markdown made of the figures alone. */
import type { MachineFigures } from '../figures.js'
import type { Driven } from './drive.js'
import { median } from '../statistics.js'
import { growthOf, type Sample } from './growth.js'
import { WATCHED, type Watched } from './processes.js'

export interface SoakRun {
  readonly title: string
  readonly requests: number
  readonly clients: number
  readonly driven: Driven
  readonly samples: Readonly<Record<Watched, readonly Sample[]>>
  /** `armorm_inflight`, `armorm_queue_depth` and `armorm_engine_restarts` when all was done. */
  readonly left: { readonly inflight: number; readonly queued: number; readonly restarts: number }
}

export interface SoakFigures {
  readonly date: string
  readonly quick: boolean
  readonly model: string
  readonly machine: MachineFigures
  readonly runs: readonly SoakRun[]
}

export function soakReport({ date, quick, model, machine, runs }: SoakFigures): string {
  return [
    '# Soak',
    '',
    `Written by \`npm run bench:soak\`${quick ? ' with \`--quick\`: a first impression' : ''}; not edited by hand.`,
    '',
    `${date}; ${model}; ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.platform}; ${machine.versions
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '',
    'Requests of random shapes, the same for every run: one to many conversations in all forms of `POST /score`, five',
    "contracts, explanations, probes; bodies that are no JSON, conversations that can't be scored, deadlines of a",
    'millisecond, routes that there are not, clients that hang up; over connections that are kept and fresh ones. The memory',
    'of rewards and the explanation store have 4 MiB each, so that they are full early. *Early* is the median of the second',
    'quarter of the samples, *late* of the last quarter; *growth* the Theil-Sen slope over the second half.',
    '',
    ...runs.flatMap(runReport)
  ].join('\n')
}

function runReport({ title, requests, clients, driven, samples, left }: SoakRun): string[] {
  const { statuses, wrong, wrongCount, seconds } = driven
  const counts = Object.entries(statuses)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([status, count]) => `${status}: ${count}`)
  const rows = (Object.keys(WATCHED) as Watched[]).map((name) => {
    const { early, late, highest, slope } = growthOf(samples[name])
    const digits = WATCHED[name] === '' ? 0 : 1
    const perThousand = (1000 * slope).toFixed(digits + 2).replace(/^-(0\.?0*)$/, '$1')
    const unit = WATCHED[name] === '' ? '' : ` (${WATCHED[name]})`
    return `| ${name}${unit} | ${early.toFixed(digits)} | ${late.toFixed(digits)} | ${highest.toFixed(digits)} | ${perThousand} |`
  })
  return [
    `## ${title}`,
    '',
    `${requests} requests by ${clients} clients in ${Math.round(seconds)} s. Replies: ${counts.join(', ')}. Wrong: ${wrongCount}.`,
    ...wrong.map((each) => `- ${each.replaceAll('\n', ' ')}`),
    '',
    '| | early | late | highest | growth a thousand requests |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `Resident memory of the server by tenths of the run, medians in MiB: ${tenths(samples['server, resident memory'])}.`,
    '',
    `Left in the end: ${left.inflight} requests in flight, ${left.queued} conversations in the queue; the engine was started again ${left.restarts} times.`,
    ''
  ]
}

/** Pages that the allocator has and has given back make it go up and down; a leak rises from tenth to tenth. */
function tenths(samples: readonly Sample[]): string {
  const part = (tenth: number) => Math.floor((tenth * samples.length) / 10)
  return Array.from({ length: 10 }, (_, i) => samples.slice(part(i), part(i + 1)))
    .filter((each) => each.length > 0)
    .map((each) => median(each.map(({ value }) => value)).toFixed(0))
    .join(', ')
}
