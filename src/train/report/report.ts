/** `armorm train report`: what training found, as one file that needs nothing else. */
import { ArmormError } from '../../errors.js'
import { outdated, readResults, type Results } from '../results.js'
import type { TrainLog } from '../log.js'
import { writeWhole } from '../../whole-file.js'
import { comparedSection, stage2Section, weightsSection } from './gate-sections.js'
import { html, Markup, number, table } from './html.js'
import { dataSection, debiasSection, stage1Section } from './rating-sections.js'

export const REPORT_FILE = 'report.html'

/**
 * Writes the report; steps that have not run are named in it.
 * @param out file to write; one that is there is replaced
 * @throws ArmormError invalid_work naming a file that is not what its step writes; invalid_config where `out` cannot be written
 */
export async function runReport(work: string, log: TrainLog, out: string): Promise<void> {
  const results = await readResults(work)
  const page = wholePage(results, work)
  try {
    await writeWhole(out, page)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ArmormError('invalid_config', `${out} cannot be written (${code})`, {}, error)
  }
  for (const step of missing(results)) log.line(`report: armorm train ${step} has not run`)
}

/** @throws ArmormError invalid_work where a result is JSON, but lacks what its step writes */
function wholePage(results: Results, work: string): string {
  try {
    return reportHtml(results)
  } catch (error) {
    const message = `a result in ${work} is not what its step writes; run armorm train again`
    throw new ArmormError('invalid_work', message, {}, error)
  }
}

const STEPS = ['stage1', 'debias', 'stage2', 'baselines'] as const

function missing(results: Results): string[] {
  return [
    ...(results.data.length === 0 ? ['embed'] : []),
    ...STEPS.filter((step) => results[step] === null),
    ...(results.ablations === null ? ['ablate'] : [])
  ]
}

/** The report as one HTML document without script, and without anything that is fetched. */
export function reportHtml(results: Results): string {
  const { data, stage1, debias, stage2, baselines, ablations } = results
  const sections: [string, string, Markup | null][] = [
    ['Signs of failure', '', signsSection(results)],
    ['Data', 'embed', data.length > 0 ? dataSection(data) : null],
    ['Ratings', 'stage1', stage1 && stage1Section(stage1)],
    ['Debiasing', 'debias', debias && debiasSection(debias)],
    ['Gate', 'stage2', stage2 && stage2Section(stage2)],
    ['Gate weights by category', 'stage2', stage2 && weightsSection(stage2)],
    ['Baselines', 'baselines', baselines && comparedSection(baselines, 'gate')],
    ['Ablations', 'ablate', ablations && comparedSection(ablations, 'first row')],
    ['Time and memory', '', costsSection(results)]
  ]
  const name = stage1?.model.name ?? 'a reward model'
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>Training report: ${name}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <h1>Training report: heads on ${name}</h1>
        ${sections.map(
          ([title, step, body]) =>
            html`<section>
              <h2>${title}</h2>
              ${body ?? html`<p class="missing">Not run: armorm train ${step}</p>`}
            </section> `
        )}
      </body>
    </html> `
  return page.text
}

function signsSection(results: Results): Markup {
  const { stage1, debias, stage2, baselines } = results
  const plain = (step: string, warnings: readonly string[] = []) => warnings.map((message) => [step, '', message])
  const signed = (step: string, warnings: readonly { sign: string; message: string }[] = []) =>
    warnings.map(({ sign, message }) => [step, sign.replaceAll('_', ' '), message])
  const rows = [
    ...outdated(results).map(([step, why]) => [step, 'outdated', `${why} since: run armorm train ${step} again`]),
    ...plain('stage1', stage1?.warnings),
    ...plain('debias', debias?.warnings),
    ...signed('stage2', stage2?.warnings),
    ...signed('baselines', baselines?.warnings)
  ]
  return rows.length > 0 ? table(['step', 'sign', ''], rows) : html`<p>None in the steps that have run.</p>`
}

function costsSection({ stage1, debias, stage2, baselines, ablations }: Results): Markup {
  const parts = [
    ...(stage1?.parts ?? []).map((part) => ['stage1', part] as const),
    ...(debias?.parts ?? []).map((part) => ['debias', part] as const)
  ].map(([step, { part, seconds, peak_memory: memory }]) => [
    step,
    part,
    number(seconds, 1),
    `${(memory / 1e6).toFixed(0)} MB`
  ])
  const whole = [
    ['stage2', stage2?.seconds],
    ['baselines', baselines?.seconds],
    ['ablate', ablations?.seconds]
  ] as const
  const rows = [
    ...parts,
    ...whole.flatMap(([step, seconds]) => (seconds === undefined ? [] : [[step, 'whole', number(seconds, 1), '']]))
  ]
  if (rows.length === 0) return html`<p class="missing">No step has run.</p>`
  return html`<p>Memory is the most that the process had had by the end of a part.</p>
    ${table(['step', 'part', 'seconds', 'memory'], rows, [2, 3])}`
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin-bottom: .3rem; }
.wide, figure { overflow-x: auto; } figure { margin: .3rem 0; }
table { border-collapse: collapse; font-size: 13px; margin: .6rem 0; }
th, td { text-align: left; padding: .15rem .6rem .15rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.charts { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; }
svg text { fill: currentColor; } .title { font-size: 12px; font-weight: 600; } .tick { font-size: 10px; }
.grid { stroke: var(--line); } .mark { stroke: var(--quiet); stroke-dasharray: 3 2; }
figcaption { font-size: 12px; } .missing { color: var(--quiet); font-style: italic; } summary { cursor: pointer; }
`
