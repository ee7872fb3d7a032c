/** The model card of an assembled checkpoint: what it is, which data and settings made it, and what was measured. */
import type { DataSummary } from '../data-summary.js'
import type { Results } from '../results.js'
import type { Backbone } from './backbone.js'
import type { Heads } from './heads.js'
import type { AssembleSettings } from './settings.js'
import { percent } from '../percent.js'

export interface CardOptions {
  readonly name: string
  readonly heads: Heads
  readonly backbone: Backbone
}

const decimals = (value: number | null | undefined, digits = 4): string =>
  value === null || value === undefined ? '' : value.toFixed(digits)

/** Text of a table's cell: names come from data. */
export function cell(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/[\\|`*_<>[\]&]/g, (mark) => `\\${mark}`)
    .trim()
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line), '']
}

/** README.md. Parts whose step has not run are left out. */
export function modelCard(results: Results, settings: AssembleSettings, options: CardOptions): string {
  const { name, heads } = options
  return [
    ...frontMatter(settings),
    `# ${cell(name)}`,
    '',
    `A reward model with ${heads.objectives.length} objectives and a gate: a linear layer rates the last token's state, and a`,
    "network weighs the ratings by the prompt's. Heads trained with armorm train; the backbone is unchanged.",
    '',
    ...table(['', ''], facts(settings, options, results)),
    ...usage(),
    ...objectives(results),
    ...compared(results),
    ...data(results.data),
    ...settingsPart(results)
  ].join('\n')
}

function frontMatter({ licence, base_model: base, language }: AssembleSettings): string[] {
  const entries = [
    ...(licence === undefined ? [] : [['license', licence]]),
    ...(base === undefined ? [] : [['base_model', base]]),
    ...(language === undefined ? [] : [['language', language]]),
    ['library_name', 'transformers'],
    ['pipeline_tag', 'text-classification']
  ]
  // A JSON string is a YAML one, whatever it holds.
  return [
    '---',
    ...entries.map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
    'tags:',
    '- reward-model',
    '---',
    ''
  ]
}

function facts({ licence, base_model: base }: AssembleSettings, { heads, backbone }: CardOptions, { stage2 }: Results) {
  const { gate, hidden, model, removed } = heads
  const rows: [string, string][] = [
    ['architecture', '`LlamaForRewardModelWithGating`'],
    ['states trained on', `${cell(model.name)}, revision \`${model.revision}\`, hidden size ${hidden}`],
    ['gate', `${gate.layers} hidden layers of ${gate.width}, temperature ${gate.temperature}`],
    ['taken out of the other ratings', removed.length > 0 ? removed.map(cell).join(', ') : 'nothing'],
    ['tokens between prompt and answer', backbone.gatePattern.join(', ')]
  ]
  if (stage2) rows.push(['logit scale', String(Number(stage2.logit_scale.toPrecision(6)))])
  if (base !== undefined) rows.push(['backbone', cell(base)])
  if (licence !== undefined) rows.push(['licence', cell(licence)])
  return rows
}

function usage(): string[] {
  return [
    '## Use',
    '',
    '```python',
    'from transformers import AutoModelForSequenceClassification, AutoTokenizer',
    '',
    'tokenizer = AutoTokenizer.from_pretrained(folder)',
    'model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)',
    'messages = [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]',
    'ids = tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=True)',
    'print(model(**ids).score)',
    '```',
    '',
    'or, with armorm-server, `armorm export <this folder> --out <bundle>` and `armorm serve --model <bundle>`. Compare scores of',
    'answers to the same prompt; zero, one and differences have no meaning of their own.',
    ''
  ]
}

function objectives({ stage1 }: Results): string[] {
  if (!stage1) return []
  const rows = stage1.objectives.map((objective) => [
    cell(objective.name),
    objective.source,
    String(objective.rows),
    String(objective.alpha),
    decimals(objective.validation_mse),
    decimals(objective.spearman, 3),
    decimals(objective.heldout?.spearman, 3)
  ])
  return [
    '## Objectives',
    '',
    'In the order of the model. Errors are mean squares of ratings in about 0..1; validation rows share no prompt with training',
    'rows.',
    '',
    ...table(['objective', 'labels', 'rows', 'ridge alpha', 'validation error', 'Spearman', 'Spearman, held out'], rows)
  ]
}

function compared({ baselines }: Results): string[] {
  if (!baselines) return []
  const rows = baselines.rows.map(({ name, all }) => [
    cell(name),
    percent(all.accuracy),
    `${percent(all.low)} to ${percent(all.high)}`,
    String(all.pairs)
  ])
  return [
    '## Results',
    '',
    `Pairs of answers whose better one scores higher, ties counted half, on prompts whose pairs nothing was trained or chosen by;`,
    `${percent(baselines.settings?.confidence ?? 0.95)} intervals by bootstrap over prompts.`,
    ...(baselines.rated_prompts
      ? [`Of ${baselines.rated_prompts} pairs the prompt is rated too: the ratings may have been trained on it.`]
      : []),
    '',
    ...table(['', 'accuracy', 'interval', 'pairs'], rows)
  ]
}

function data(summaries: readonly DataSummary[]): string[] {
  if (summaries.length === 0) return []
  const rows = summaries.flatMap(({ set, files }) =>
    files.map(({ file, sha256, rows }) => [set, cell(file), String(rows), sha256 ? `\`${sha256}\`` : ''])
  )
  const sources = summaries.flatMap(({ set, sources }) =>
    sources.map(({ source, rows }) => [set, cell(source), String(rows)])
  )
  return [
    '## Data',
    '',
    ...table(['set', 'file', 'rows used', 'SHA-256'], rows),
    ...(sources.length > 0 ? table(['set', 'source', 'rows used'], sources) : [])
  ]
}

function settingsPart({ stage1, debias, stage2 }: Results): string[] {
  const parts = {
    ...(stage1 && { stage1: stage1.settings, split: stage1.split, derived: stage1.derived }),
    ...(debias && {
      debias: { removed: debias.removed, rule: debias.rule, threshold: debias.threshold, reference: debias.reference }
    }),
    ...(stage2 && { stage2: stage2.settings, seed: stage2.seed })
  }
  return ['## Settings', '', '```json', JSON.stringify(parts, null, 2), '```', '']
}
