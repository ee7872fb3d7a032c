/** config.json of an assembled checkpoint. */
import { ARCHITECTURE } from '../../checkpoint/config.js'
import type { Backbone } from './backbone.js'
import type { Heads } from './heads.js'

/** Keys that describe the heads of the model that the backbone was taken from. */
const HEAD_KEYS = [
  'architectures',
  'auto_map',
  'num_labels',
  'id2label',
  'label2id',
  'problem_type',
  'num_objectives',
  'objective_names',
  'verbosity_objective',
  'gating_temperature',
  'gating_hidden_dim',
  'gating_n_hidden'
]

/** Keys of config.json that describe the backbone and its tokens. */
export function withoutHeads(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !HEAD_KEYS.includes(key)))
}

/** Module and class of modeling_custom.py, which lies beside config.json. */
const AUTO_CLASS = `modeling_custom.${ARCHITECTURE}`

/**
 * Keys as config.json of RLHFlow/ArmoRM-Llama3-8B-v0.1 has them (one label, whatever the number of objectives), and those
 * with which the exporter knows objectives by name.
 */
export function configOf(backbone: Backbone, heads: Heads, name: string): Record<string, unknown> {
  const { objectives, removed, gate } = heads
  return {
    ...withoutHeads(backbone.config),
    architectures: [ARCHITECTURE],
    auto_map: { AutoModel: AUTO_CLASS, AutoModelForSequenceClassification: AUTO_CLASS },
    model_type: 'llama',
    _name_or_path: name,
    id2label: { 0: 'LABEL_0' },
    label2id: { LABEL_0: 0 },
    num_objectives: objectives.length,
    objective_names: objectives,
    // The key holds one name.
    ...(removed.length === 1 && { verbosity_objective: removed[0] }),
    gating_temperature: gate.temperature,
    gating_hidden_dim: gate.width,
    gating_n_hidden: gate.layers,
    gating_token_pattern: backbone.gatePattern
  }
}
