/** Sections of the report on data, ratings and debiasing. */
import type { DataSummary } from '../data-summary.js'
import type { DebiasResult } from '../debias/result.js'
import type { Stage1Result } from '../stage1/result.js'
import { heatMap, lineChart } from './charts.js'
import { html, type Markup, number, table } from './html.js'

export function dataSection(data: readonly DataSummary[]): Markup {
  const rows = data.flatMap(({ set, keys, files }) =>
    files.map(({ file, rows, sha256 }) => [set, file, rows, keys, sha256?.slice(0, 16) ?? ''])
  )
  const sources = data.flatMap(({ set, sources }) => sources.map(({ source, rows }) => [set, source, rows]))
  return html`${table(['set', 'file', 'rows', 'prompts of the set', 'SHA-256, first 16 digits'], rows, [2, 3])}
  ${
    sources.length > 0
      ? html`<details>
          <summary>rows by source</summary>
          ${table(['set', 'source', 'rows'], sources, [2])}
        </details>`
      : null
  }`
}

export function stage1Section({ objectives, derived, split, model }: Stage1Result): Markup {
  const { train, validation, heldout } = split.rows
  const rows = objectives.map((objective) => [
    objective.name,
    objective.source,
    objective.rows,
    number(objective.alpha),
    number(objective.train_mse),
    number(objective.validation_mse),
    number(objective.r2, 3),
    number(objective.spearman, 3),
    number(objective.heldout?.mse),
    number(objective.heldout?.spearman, 3)
  ])
  const header = [
    'objective',
    'labels',
    'rows',
    'alpha',
    'training error',
    'validation error',
    'r²',
    'Spearman',
    'held-out error',
    'held-out Spearman'
  ]
  const curves = objectives.map(({ name, grid, alpha }) =>
    lineChart({
      title: name,
      series: [
        { name: 'validation', points: grid.map((each) => [each.alpha, each.mse]) },
        { name: 'training', points: grid.map((each) => [each.alpha, each.train_mse]) }
      ],
      logarithmic: true,
      mark: alpha
    })
  )
  return html`<p>
      Ridge regression of each objective on the state of the response's last token, of ${model.name} (revision
      ${model.revision}). ${train} training, ${validation} validation and ${heldout} held-out rows, split by prompt.
      Errors are mean squares.
    </p>
    ${table(header, rows, [2, 3, 4, 5, 6, 7, 8, 9])}
    ${derived.length > 0 ? html`<p>${derived.map(({ name, from, low, high }) => `${name} is derived from ${from}: 0 at ${number(low, 1)}, 1 at ${number(high, 1)}, logarithmic between. `)}</p>` : null}
    <h3>Error by alpha</h3>
    <p>The vertical line is the alpha that was chosen.</p>
    <div class="charts">${curves}</div>`
}

export function debiasSection({
  objectives,
  removed,
  threshold,
  rule,
  reference,
  penalties,
  correlation
}: DebiasResult): Markup {
  const rows = penalties.map((each) => [
    each.objective,
    each.removed,
    number(each.penalty),
    number(each.correlation_before, 3),
    number(each.correlation_after, 3),
    each.outcome
  ])
  const map = (title: string, values: DebiasResult['correlation']['before']) =>
    heatMap({ title, rows: objectives, columns: objectives, values, most: 1 })
  return html`<p>
      Taken out of the other ratings: ${removed.length > 0 ? removed.join(', ') : 'nothing'}; rule ${rule}, threshold
      ${threshold}, over ${reference.responses} responses of the set ${reference.set}.
    </p>
    ${table(['objective', 'removed', 'penalty', 'correlation before', 'after', 'outcome'], rows, [2, 3, 4])}
    <h3>Spearman's correlation of the ratings</h3>
    <p>
      Blue is positive, orange negative, grey not defined. After: of the adjusted ratings; for what was removed, of its
      raw ratings.
    </p>
    <div class="charts">${map('before', correlation.before)}${map('after', correlation.after)}</div>`
}
