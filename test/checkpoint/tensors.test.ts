import t, { type Test } from 'tap'
import { type ModelConfig, parseConfig, readConfig } from '../../src/checkpoint/config.js'
import { SafetensorsReader, SINGLE_FILE } from '../../src/checkpoint/safetensors.js'
import { checkTensors, expectedTensors } from '../../src/checkpoint/tensors.js'
import { CHECKPOINTS, checkpointFolder } from '../support/checkpoints.js'
import { float32, safetensorsFile, type StoredValues } from '../support/safetensors.js'

const config = parseConfig({
  architectures: ['LlamaForRewardModelWithGating'],
  vocab_size: 10,
  hidden_size: 4,
  intermediate_size: 6,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_objectives: 3,
  gating_hidden_dim: 5,
  gating_n_hidden: 1
})

/** Checks zeros of the expected shapes, changed as the test wants. */
async function check(t: Test, change: (tensors: Record<string, StoredValues>) => void, wanted = config): Promise<void> {
  const tensors = Object.fromEntries(expectedTensors(config).map(({ name, shape }) => [name, float32(shape)]))
  change(tensors)
  const reader = await SafetensorsReader.open(t.testdir({ [SINGLE_FILE]: safetensorsFile(tensors) }))
  try {
    checkTensors(reader, wanted)
  } finally {
    await reader.close()
  }
}

for (const name of CHECKPOINTS) {
  t.test(`${name} has what its config asks for`, async (t) => {
    const reader = await SafetensorsReader.open(checkpointFolder(name))
    t.teardown(() => reader.close())
    const wanted = await readConfig(checkpointFolder(name))
    t.doesNotThrow(() => checkTensors(reader, wanted))
    t.strictSame(reader.names().sort(), expectedNames(wanted))
  })
}

function expectedNames(wanted: ModelConfig): string[] {
  return expectedTensors(wanted)
    .map(({ name }) => name)
    .sort()
}

t.test('tensors without a bearing on the reward are let through', async (t) => {
  const harmless = ['lm_head.weight', 'model.rotary_emb.inv_freq', 'model.layers.0.self_attn.rotary_emb.inv_freq']
  const add = (tensors: Record<string, StoredValues>): void => {
    for (const name of harmless) tensors[name] = float32([2])
  }
  await t.resolves(check(t, add))
})

const REFUSED: [what: string, (tensors: Record<string, StoredValues>) => void, RegExp][] = [
  ['no final norm', (tensors) => delete tensors['model.norm.weight'], /no tensor model\.norm\.weight/],
  ['no transform', (tensors) => delete tensors['reward_transform_matrix'], /no tensor reward_transform_matrix/],
  ['a score head', (tensors) => (tensors['score.weight'] = float32([1, 4])), /tensor score\.weight is not one/],
  [
    'a bias that the config denies',
    (tensors) => (tensors['model.layers.0.self_attn.q_proj.bias'] = float32([4])),
    /q_proj\.bias is not one/
  ],
  [
    'a layer too many',
    (tensors) => (tensors['model.layers.1.input_layernorm.weight'] = float32([4])),
    /model\.layers\.1\.input_layernorm\.weight is not one/
  ],
  [
    'a deeper gate',
    (tensors) => (tensors['gating.layers.2.weight'] = float32([3, 5])),
    /gating\.layers\.2\.weight is not one/
  ],
  [
    'another vocabulary',
    (tensors) => (tensors['model.embed_tokens.weight'] = float32([11, 4])),
    /model\.embed_tokens\.weight is \[11, 4\], but vocab_size, hidden_size of config\.json want \[10, 4\]/
  ],
  [
    'a transposed projection',
    (tensors) => (tensors['model.layers.0.mlp.down_proj.weight'] = float32([6, 4])),
    /down_proj\.weight is \[6, 4\], but hidden_size, intermediate_size .* \[4, 6\]/
  ],
  [
    'a norm of two axes',
    (tensors) => (tensors['model.norm.weight'] = float32([4, 1])),
    /model\.norm\.weight is \[4, 1\], but hidden_size/
  ],
  [
    'several logit scales',
    (tensors) => (tensors['gating.logit_scale'] = float32([3])),
    /gating\.logit_scale is \[3\], but the architecture wants \[1\]/
  ]
]

for (const [what, change, message] of REFUSED) {
  t.test(`refuses ${what}`, async (t) => {
    await t.rejects(check(t, change), { code: 'unsupported_checkpoint', message })
  })
}

t.test('a config that contradicts the tensors is named with its keys', async (t) => {
  const refused = (message: RegExp): { code: string; message: RegExp } => ({ code: 'unsupported_checkpoint', message })
  const same = (): void => undefined
  const contradictions: [Partial<ModelConfig>, RegExp][] = [
    [{ headDim: 4 }, /q_proj\.weight .*num_attention_heads, head_dim, hidden_size of config\.json/],
    [{ kvHeads: 1 }, /k_proj\.weight .*num_key_value_heads, head_dim/],
    [{ objectives: 4 }, /regression_layer\.weight .*num_objectives, hidden_size/],
    [{ gatingHiddenDim: 6 }, /gating\.layers\.0\.weight .*gating_hidden_dim, hidden_size/],
    [{ gatingHiddenLayers: 0 }, /gating\.layers\.0\.weight .*num_objectives/],
    [{ attentionBias: true }, /no tensor model\.layers\.0\.self_attn\.q_proj\.bias/],
    [{ mlpBias: true }, /no tensor model\.layers\.0\.mlp\.gate_proj\.bias/],
    [{ layers: 2 }, /no tensor model\.layers\.1\.input_layernorm\.weight/]
  ]
  for (const [keys, message] of contradictions) {
    await t.rejects(check(t, same, { ...config, ...keys }), refused(message))
  }
})
