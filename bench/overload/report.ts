/** The report: Markdown made of the figures alone. */
import { bars, type OverloadFigures, type PhaseFigures, type SeriesFigures } from './figures.js'

const RULES = `Requests come at random moments, so many a second on average, whatever becomes of those before them; each has one
conversation that nobody asked for before, and \`x-request-timeout-ms\`. Loads are multiples of what the engine can serve. Goodput
is the tokens of the requests that were answered within that time, a second; the first part of a load, while the queue fills, does not
count. Lag is by how much the server's event loop was late (Node's \`monitorEventLoopDelay\`, which counts in steps of 10 ms).
Times are measured by the client, which shares the machine with the server.

- **stand-in engine**: a process in the engine's place that serves a fixed number of tokens a second; all else is the server as it
  is, tokenizer included.
- **real engine**: \`armorm serve\`, one thread. What it can serve is what 16 clients get that ask one after the other.`

export function report(figures: OverloadFigures): string {
  const { date, model, machine, series, burst } = figures
  return [
    '# Overload',
    '',
    'Written by `npm run bench:overload`; not edited by hand. [reliability.md](reliability.md#overload) has the promises.',
    '',
    table(
      ['', ''],
      [
        ['date', date],
        ['model', model],
        ['processor', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB`],
        ['platform', machine.platform],
        ...machine.versions.map(([name, version]) => [name, version]),
        [
          'processes wanting a core',
          `${machine.loadAtStart.toFixed(1)} before, ${machine.loadAtEnd.toFixed(1)} at the end, this one included`
        ]
      ]
    ),
    '',
    table(
      ['bar', 'measured', 'met?'],
      bars(figures).map(({ bar, measured, met }) => [bar, measured, met ? 'yes' : '**no**'])
    ),
    '',
    RULES,
    '',
    ...series.flatMap(seriesLines),
    '## Clients that obey',
    '',
    `${burst.clients} clients came at once to a server with the stand-in engine and room for 2 seconds of work, and came again when`,
    `\`Retry-After\` said so: ${burst.answered} were answered, after ${burst.tries[0].toFixed(2)} tries on average`,
    `(p99 ${burst.tries[1].toFixed(0)}, most ${burst.tries[2]}). The last was answered after ${burst.seconds.toFixed(1)} s; the work takes ${burst.workSeconds.toFixed(1)} s.`,
    ''
  ].join('\n')
}

function seriesLines({ engine, capacity, meanTokens, deadlineMs, phases }: SeriesFigures): string[] {
  const pair = (values: PhaseFigures['acceptedMs']) =>
    values ? values.map((value) => value.toFixed(value < 10 ? 1 : 0)) : ['', '']
  return [
    `## ${engine[0]!.toUpperCase()}${engine.slice(1)}`,
    '',
    `It serves ${capacity.toFixed(1)} requests or ${(capacity * meanTokens).toFixed(0)} tokens a second; each request has ${deadlineMs} ms.`,
    '',
    table(
      [
        'load',
        'requests',
        'goodput, tokens/s',
        'accepted',
        'refused, 429',
        'expired, 504',
        'p50 ms, accepted',
        'p99 ms, accepted',
        'p50 ms, refused',
        'p99 ms, refused',
        'lag p99 ms',
        'lag most ms'
      ],
      phases.map((phase) => [
        `${phase.load}x`,
        String(phase.requests),
        phase.goodput.toFixed(0),
        String(phase.accepted),
        String(phase.refused),
        String(phase.expired),
        ...pair(phase.acceptedMs),
        ...pair(phase.refusedMs),
        ...phase.lagMs.map((value) => value.toFixed(0))
      ])
    ),
    ''
  ]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}
