/** Sections of the report on the gate and on what it is compared with. */
import { percent, points } from '../percent.js'
import type { ComparedPart, ComparedRow } from '../results.js'
import type { Stage2Result } from '../stage2/result.js'
import { heatMap, interval, lineChart, type Series } from './charts.js'
import { html, type Markup, number, table } from './html.js'

export function stage2Section({
  settings,
  seed,
  split,
  curve,
  best,
  stopped_early: early,
  logit_scale: scale
}: Stage2Result): Markup {
  const series = (name: string, value: (point: Stage2Result['curve'][number]) => number | null): Series => ({
    name,
    points: curve.map((point) => [point.step, value(point)])
  })
  const charts = [
    { title: 'loss', series: [series('validation', (p) => p.validation_loss), series('training', (p) => p.loss)] },
    { title: 'validation accuracy', series: [series('accuracy', (p) => p.validation_accuracy)] },
    { title: 'entropy of the weights (1: all alike)', series: [series('entropy', (p) => p.entropy)] },
    { title: "largest weight's share", series: [series('share', (p) => p.top_share)] }
  ]
  const { train, validation, test } = split.pairs
  const stated = Object.entries(settings).map(([key, value]) => [
    key,
    typeof value === 'object' ? JSON.stringify(value) : String(value)
  ])
  return html`<p>
      ${train} pairs to train on, ${validation} to choose by, ${test} to test with, split by prompt. Kept: step
      ${best.step} of seed ${seed}, validation accuracy ${percent(best.validation_accuracy)}, loss
      ${number(best.validation_loss)}; logit scale ${number(scale)}.${early ? ' Training stopped early.' : null}
    </p>
    <div class="charts">${charts.map((chart) => lineChart({ ...chart, mark: best.step }))}</div>
    <details>
      <summary>settings</summary>
      ${table(['setting', 'value'], stated)}
    </details>`
}

export function weightsSection({ objectives, weights }: Stage2Result): Markup {
  const groups = [['all', weights.all] as const, ...Object.entries(weights.categories)]
  const values = groups.map(([, group]) => group.weights)
  const most = Math.max(...values.flat(), 1e-9)
  const rows = groups.map(([name, group]) => {
    const top = group.weights.map((weight, k) => [weight, objectives[k] ?? ''] as const).sort(([a], [b]) => b - a)
    return [
      name,
      group.pairs,
      number(group.entropy, 3),
      number(group.top_share, 3),
      top
        .slice(0, 3)
        .map(([weight, objective]) => `${objective} ${percent(weight)}`)
        .join(', ')
    ]
  })
  return html`<p>
      Mean weights over prompts that were not trained on; they add up to 1. The darkest cell is ${percent(most)}.
    </p>
    ${heatMap({ title: 'mean gate weight', rows: groups.map(([name]) => name), columns: objectives, values, most })}
    ${table(['category', 'pairs', 'entropy', 'largest share', 'largest weights'], rows, [1, 2, 3])}`
}

/** @param first what differences are taken from: the first row's accuracy minus the others' */
export function comparedSection({ rows, settings, rated_prompts: rated }: ComparedPart, first: string): Markup {
  const all = rows.map(({ all }) => all)
  const scale = {
    low: Math.min(0.5, ...all.map(({ low }) => low)) - 0.01,
    high: Math.max(0.5, ...all.map(({ high }) => high)) + 0.01,
    zero: 0.5
  }
  const gaps = rows.flatMap(({ difference }) => (difference ? [difference] : []))
  const gapScale = {
    low: Math.min(0, ...gaps.map(({ low }) => low)) - 0.005,
    high: Math.max(0, ...gaps.map(({ high }) => high)) + 0.005,
    zero: 0
  }
  const line = ({ name, all, difference }: ComparedRow, index: number) => [
    name,
    percent(all.accuracy),
    `${percent(all.low)} to ${percent(all.high)}`,
    interval({ ...all, middle: all.accuracy }, scale),
    all.pairs,
    ...(difference && index > 0
      ? [
          points(difference.difference),
          `${points(difference.low)} to ${points(difference.high)}`,
          interval({ ...difference, middle: difference.difference }, gapScale)
        ]
      : ['', '', ''])
  ]
  const header = ['', 'accuracy', 'interval', '', 'pairs', `${first} minus this, points`, 'interval', '']
  const categories = [...new Set(rows.flatMap(({ categories }) => Object.keys(categories)))]
  const byCategory = rows.map(({ name, categories: found }) => [
    name,
    ...categories.map((category) => {
      const one = found[category]
      return one ? `${percent(one.accuracy)} (${percent(one.low)} to ${percent(one.high)})` : ''
    })
  ])
  const pairsOf = (category: string) => rows[0]?.categories[category]?.pairs ?? 0
  return html`<p>
      Pairs whose better response scores higher, ties counted half; ${percent(settings?.confidence ?? 0.95)} intervals
      by bootstrap over prompts. Strokes: chance, and no
      difference.${rated ? ` Of ${rated} pairs the prompt is rated too: the ratings may have been trained on it.` : null}
    </p>
    ${table(header, rows.map(line), [1, 2, 4, 5, 6])}
    ${
      categories.length > 0
        ? html`<details open>
            <summary>by category</summary>
            ${table(
              ['', ...categories.map((name) => `${name} (${pairsOf(name)} pairs)`)],
              byCategory,
              categories.map((_, i) => i + 1)
            )}
          </details>`
        : null
    }`
}
