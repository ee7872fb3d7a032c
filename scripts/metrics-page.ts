/** docs/metrics.md, from the metrics that a server registers. */
import type { MetricObject } from 'prom-client'
import { unserved } from './unserved.js'

const INTRODUCTION = `# Metrics

\`GET /metrics\` gives them as Prometheus text. Times are in seconds. Gauges take their value when they are scraped.
Labels have few values: route patterns, codes of [errors.md](errors.md), the model's objectives; never a text, a URL or
an id. Node's and the process's default metrics are there too.

The first table answers an operator: how much, how fast, what failed. The second answers a trainer: what the rewards are,
and whether the policy has begun to please the model rather than people:

- \`armorm_window_score_drift\` and \`armorm_window_score_shift\`: how far the scores of the latest 1,024 computed
  conversations are from those of the bundle's reference (\`armorm calibrate\`). Some drift upwards is what training is
  for; fast or without end it is reward hacking.
- \`armorm_window_score_length_correlation\`: whether length buys score. The reference's own is beside it.
- \`armorm_window_gate_entropy\` and \`armorm_window_top_objective_share\`: a gate that hears one objective only rates all
  prompts alike.

Repeats that come from memory count as given, and not in the window. A window of fewer than 100 conversations has no
series, nor has what needs a reference where there is none, or what is constant.
`

/** What prom-client's metrics have besides what their type says. */
interface Described extends Omit<MetricObject, 'type'> {
  readonly type: string
  readonly labelNames: readonly string[]
}

const isReward = (name: string) => /^armorm_(score|objective_reward|gate|window|reference)(_|$)/.test(name)

export function metricsPage(): string {
  const metrics = unserved().metrics.registry.getMetricsAsArray() as unknown as readonly Described[]
  const own = metrics.filter(({ name }) => name.startsWith('armorm_'))
  return [
    INTRODUCTION,
    '## Service\n',
    table(own.filter(({ name }) => !isReward(name))),
    '## Rewards\n',
    table(own.filter(({ name }) => isReward(name))),
    'This page is written by `npm run openapi` from src/metrics.ts and src/monitoring.\n'
  ].join('\n')
}

function table(metrics: readonly Described[]): string {
  const rows = metrics.map(({ name, help, type, labelNames }) => {
    const labels = labelNames.filter((label) => label !== 'le').map((label) => `\`${label}\``)
    return `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`
  })
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows, ''].join('\n')
}
