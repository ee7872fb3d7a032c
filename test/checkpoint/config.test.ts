import t from 'tap'
import { type ModelConfig, parseConfig, readConfig } from '../../src/checkpoint/config.js'
import { checkpointFolder } from '../support/checkpoints.js'

/** The smallest config that is accepted: everything else has upstream's default. */
const MINIMAL = {
  architectures: ['LlamaForRewardModelWithGating'],
  vocab_size: 100,
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4
}
const parse = (keys: object): ModelConfig => parseConfig({ ...MINIMAL, ...keys })

t.test('absent and null keys have the defaults of upstream', async (t) => {
  const defaults = {
    name: null,
    vocabSize: 100,
    hiddenSize: 32,
    intermediateSize: 64,
    layers: 2,
    heads: 4,
    kvHeads: 4,
    headDim: 8,
    maxPositions: 2048,
    rmsNormEps: 1e-6,
    rope: { theta: 10000, scaling: { type: 'none' } },
    attentionBias: false,
    mlpBias: false,
    tiedEmbeddings: false,
    bosTokenId: null,
    eosTokenIds: [],
    padTokenId: null,
    objectives: 19,
    gatingTemperature: 10,
    gatingHiddenDim: 1024,
    gatingHiddenLayers: 3,
    objectiveNames: null,
    verbosityObjective: null,
    gatingTokenPattern: null
  }
  t.strictSame(parse({}), defaults)
  const nothing = { num_key_value_heads: null, head_dim: null, rope_scaling: null, pad_token_id: null }
  t.strictSame(parse({ ...nothing, sliding_window: null, quantization_config: null }), defaults)
})

t.test('every key is read', async (t) => {
  const config = parse({
    model_type: 'llama',
    _name_or_path: 'someone/some-model ',
    num_key_value_heads: 2,
    head_dim: 12,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 500000,
    hidden_act: 'silu',
    attention_bias: true,
    mlp_bias: true,
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: [2, 3],
    pad_token_id: -1,
    num_objectives: 2,
    gating_temperature: 2.5,
    gating_hidden_dim: 7,
    gating_n_hidden: 0,
    objective_names: ['quality', 'verbosity'],
    verbosity_objective: 'verbosity',
    gating_token_pattern: [2, 99]
  })
  t.strictSame(config, {
    name: 'someone/some-model',
    vocabSize: 100,
    hiddenSize: 32,
    intermediateSize: 64,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 12,
    maxPositions: 8192,
    rmsNormEps: 1e-5,
    rope: { theta: 500000, scaling: { type: 'none' } },
    attentionBias: true,
    mlpBias: true,
    tiedEmbeddings: true,
    bosTokenId: 1,
    eosTokenIds: [2, 3],
    padTokenId: null,
    objectives: 2,
    gatingTemperature: 2.5,
    gatingHiddenDim: 7,
    gatingHiddenLayers: 0,
    objectiveNames: ['quality', 'verbosity'],
    verbosityObjective: 'verbosity',
    gatingTokenPattern: [2, 99]
  })
})

t.test('keys without a bearing on the reward are ignored', async (t) => {
  const harmless = {
    attention_dropout: 0.1,
    initializer_range: 0.02,
    pretraining_tp: 1,
    use_cache: true,
    torch_dtype: 'float32',
    dtype: 'bfloat16',
    transformers_version: '4.40.0',
    auto_map: { AutoModelForSequenceClassification: 'modeling_custom.LlamaForRewardModelWithGating' },
    id2label: { 0: 'LABEL_0' },
    label2id: { LABEL_0: 0 },
    num_labels: 1,
    pruned_heads: {},
    layer_types: ['full_attention', 'full_attention'],
    something_of_the_future: true
  }
  t.strictSame(parse(harmless), parse({}))
})

const llama3 = {
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192
}
const scaled = { type: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 }

t.test('RoPE in its old and new forms', async (t) => {
  const rope = (keys: object): ModelConfig['rope'] => parse(keys).rope
  const none = { type: 'none' }
  t.strictSame(rope({ rope_theta: 7, rope_scaling: { type: 'default' } }), { theta: 7, scaling: none })
  t.strictSame(rope({ rope_theta: 7, rope_scaling: {} }), { theta: 7, scaling: none })
  t.strictSame(rope({ rope_scaling: { type: 'linear', factor: 2 } }).scaling, { type: 'linear', factor: 2 })
  t.strictSame(rope({ rope_scaling: { rope_type: 'linear', factor: 2 } }).scaling, { type: 'linear', factor: 2 })
  t.strictSame(rope({ rope_scaling: { rope_type: 'llama3', ...llama3 } }).scaling, scaled)
  const parameters = { rope_type: 'llama3', rope_theta: 9, partial_rotary_factor: 1, ...llama3 }
  t.strictSame(rope({ rope_parameters: parameters }), { theta: 9, scaling: scaled })
  t.strictSame(rope({ rope_parameters: { rope_type: 'default', rope_theta: 9 } }), { theta: 9, scaling: none })
  const both = { rope_scaling: { type: 'llama3', ...llama3 }, rope_parameters: parameters, rope_theta: 9 }
  t.strictSame(rope(both), { theta: 9, scaling: scaled }, 'both forms, saying the same')
})

t.test('llama3 scaling takes its original context where upstream does', async (t) => {
  const rest = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 }
  t.match(parse({ rope_scaling: rest, max_position_embeddings: 512 }).rope, { scaling: { originalMaxPositions: 512 } })
  const top = { original_max_position_embeddings: 64, max_position_embeddings: 512 }
  t.match(parse({ rope_scaling: rest, ...top }).rope, { scaling: { originalMaxPositions: 64 } })
})

const REFUSED: [keys: object, message: RegExp][] = [
  [{ architectures: undefined }, /architectures must be/],
  [{ architectures: ['LlamaForSequenceClassification'] }, /architectures .*LlamaForSequenceClassification/],
  [{ architectures: ['LlamaForRewardModelWithGating', 'Other'] }, /architectures/],
  [{ model_type: 'mistral' }, /model_type "mistral"/],
  [{ hidden_act: 'gelu' }, /hidden_act "gelu"/],
  [{ sliding_window: 4096 }, /sliding_window 4096/],
  [{ quantization_config: { quant_method: 'awq' } }, /quantization_config/],
  [{ is_causal: false }, /is_causal false/],
  [{ pruned_heads: { 1: [0] } }, /pruned_heads/],
  [{ layer_types: ['full_attention', 'sliding_attention'] }, /layer_types/],
  [{ hidden_size: undefined }, /hidden_size is missing/],
  [{ vocab_size: null }, /vocab_size is missing/],
  [{ intermediate_size: 0 }, /intermediate_size must be a whole number of at least 1, not 0/],
  [{ num_hidden_layers: 1.5 }, /num_hidden_layers .*not 1.5/],
  [{ num_hidden_layers: '2' }, /num_hidden_layers .*not "2"/],
  [{ num_attention_heads: undefined }, /num_attention_heads is missing/],
  [{ num_key_value_heads: 3 }, /num_attention_heads 4 is not a multiple of num_key_value_heads 3/],
  [{ num_attention_heads: 5 }, /hidden_size 32 is not a multiple of num_attention_heads 5/],
  [{ head_dim: 7 }, /head_dim 7 is odd/],
  [{ rms_norm_eps: -1 }, /rms_norm_eps .*not -1/],
  [{ attention_bias: 'yes' }, /attention_bias must be true or false/],
  [{ max_position_embeddings: 0 }, /max_position_embeddings/],
  [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5/],
  [{ rope_parameters: { partial_rotary_factor: 0.5 } }, /rope_parameters.partial_rotary_factor 0.5/],
  [{ rope_theta: 0 }, /rope_theta must be a number above 0/],
  [{ rope_scaling: 'linear' }, /rope_scaling must be an object/],
  [{ rope_scaling: { type: 'dynamic', factor: 2 } }, /rope_scaling.type "dynamic" is not supported/],
  [{ rope_scaling: { rope_type: 'yarn', factor: 2 } }, /rope_scaling.rope_type "yarn"/],
  [{ rope_parameters: { rope_type: 'longrope' } }, /rope_parameters.rope_type "longrope"/],
  [{ rope_scaling: { type: 'linear' } }, /rope_scaling.factor is missing/],
  [{ rope_scaling: { type: 'linear', factor: 0 } }, /rope_scaling.factor must be/],
  [{ rope_scaling: { type: 'llama3', ...llama3, low_freq_factor: 4 } }, /high_freq_factor 4 must be above/],
  [{ rope_scaling: { type: 'llama3', ...llama3, high_freq_factor: undefined } }, /high_freq_factor is missing/],
  [{ rope_scaling: { type: 'llama3', ...llama3 }, original_max_position_embeddings: 1 }, /contradict/],
  [
    { rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_type: 'default' } },
    /rope_scaling and rope_param/
  ],
  [{ rope_theta: 1, rope_parameters: { rope_theta: 2 } }, /rope_theta and rope_parameters.rope_theta contradict/],
  [{ num_labels: 2 }, /num_labels 2 contradicts num_objectives 19/],
  [{ num_objectives: 0 }, /num_objectives/],
  [{ gating_temperature: 0 }, /gating_temperature must be a number above 0/],
  [{ gating_hidden_dim: 0 }, /gating_hidden_dim/],
  [{ gating_n_hidden: -1 }, /gating_n_hidden .*not -1/],
  [{ objective_names: ['a'] }, /objective_names has 1 names, but num_objectives is 19/],
  [{ num_objectives: 2, objective_names: ['a', 'a'] }, /objective_names holds "a" twice/],
  [{ num_objectives: 2, objective_names: ['a', ''] }, /objective_names must hold non-empty strings/],
  [{ num_objectives: 1, objective_names: ['a'], verbosity_objective: 'b' }, /verbosity_objective "b"/],
  [{ gating_token_pattern: [] }, /gating_token_pattern is empty/],
  [{ gating_token_pattern: [100] }, /gating_token_pattern holds 100; token ids run from 0 to 99/],
  [{ eos_token_id: 'x' }, /eos_token_id/]
]

for (const [keys, message] of REFUSED) {
  t.test(`refuses ${JSON.stringify(keys)}`, async (t) => {
    t.throws(() => parse(keys), { code: 'unsupported_checkpoint', message })
  })
}

t.test('reads config.json of a folder', async (t) => {
  const config = await readConfig(checkpointFolder('armorm-tiny'))
  t.match(config, { vocabSize: 128257, headDim: 16, kvHeads: 2, gatingHiddenDim: 48, padTokenId: 128256 })
  t.match(config, { bosTokenId: 128000, eosTokenIds: [128001], rope: { theta: 500000 }, rmsNormEps: 1e-5 })
})

t.test('refuses a folder without a readable config.json', async (t) => {
  const refused = (message: RegExp): { code: string; message: RegExp } => ({ code: 'unsupported_checkpoint', message })
  await t.rejects(readConfig(t.testdir({})), refused(/holds no config.json/))
  await t.rejects(readConfig(t.testdir({ 'config.json': '{' })), refused(/config.json is not JSON/))
  await t.rejects(readConfig(t.testdir({ 'config.json': '[]' })), refused(/not a JSON object/))
})
