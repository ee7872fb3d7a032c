/** config.json of a reward model: the shape of its Llama backbone and of its heads. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ArmormError } from '../errors.js'
import { JsonObject, refuse } from './json.js'
import { parseRope, type RopeConfig } from './rope.js'

export const CONFIG_FILE = 'config.json'
export const ARCHITECTURE = 'LlamaForRewardModelWithGating'

/** What the heads' shape and meaning depend on. */
export interface HeadsConfig {
  /** `_name_or_path`, trimmed; null when absent or empty. */
  readonly name: string | null
  /** Width of the hidden states. */
  readonly hiddenSize: number
  /** Number of objectives, K. */
  readonly objectives: number
  /** Divides the gate's logits before the softmax. */
  readonly gatingTemperature: number
  /** Width of the gate's hidden layers. */
  readonly gatingHiddenDim: number
  /** Hidden layers of the gate; its output layer comes on top. */
  readonly gatingHiddenLayers: number

  /** `[K]` names in index order; null when the checkpoint does not state them. */
  readonly objectiveNames: readonly string[] | null
  /** Name of the objective that the transform takes out of the others; null when not stated. */
  readonly verbosityObjective: string | null
  /** Token ids between the end of the prompt and the answer; null when not stated. */
  readonly gatingTokenPattern: readonly number[] | null
}

export interface ModelConfig extends HeadsConfig {
  /** Entries of the vocabulary. */
  readonly vocabSize: number
  /** Width of the feed-forward layers. */
  readonly intermediateSize: number
  /** Number of decoder layers. */
  readonly layers: number
  /** Query heads a layer. */
  readonly heads: number
  /** Key and value heads a layer; divides `heads`. */
  readonly kvHeads: number
  /** Width of one head; even. Stated explicitly or hiddenSize / heads. */
  readonly headDim: number
  /** Longest sequence in tokens. */
  readonly maxPositions: number
  /** Added to the mean square in every RMSNorm. */
  readonly rmsNormEps: number
  readonly rope: RopeConfig
  /** Whether q, k, v and o projections have a bias. */
  readonly attentionBias: boolean
  /** Whether gate, up and down projections have a bias. */
  readonly mlpBias: boolean
  /** Whether an lm_head would share the embedding table; a reward model uses none. */
  readonly tiedEmbeddings: boolean

  readonly bosTokenId: number | null
  readonly eosTokenIds: readonly number[]
  readonly padTokenId: number | null
}

/** Keys that change the computation in a way not supported here, unless they are absent, null or have this value. */
const ONLY: Readonly<Record<string, unknown>> = {
  model_type: 'llama',
  hidden_act: 'silu',
  sliding_window: null,
  attention_chunk_size: null,
  quantization_config: null,
  compression_config: null,
  is_causal: true,
  use_bidirectional_attention: false,
  add_cross_attention: false,
  is_encoder_decoder: false
}

/**
 * Reads the parsed config.json of a LlamaForRewardModelWithGating. Absent keys have upstream's defaults (LlamaConfig of
 * transformers; num_objectives 19, gating_temperature 10, gating_hidden_dim 1024, gating_n_hidden 3 of ArmoRM's
 * modeling_custom.py); keys without a bearing on the reward are ignored.
 * @throws ArmormError unsupported_checkpoint, naming the key
 */
export function parseConfig(json: unknown): ModelConfig {
  const config = new JsonObject(json)
  checkArchitecture(config)
  const vocabSize = config.integer('vocab_size', 1)
  return {
    ...parseGating(config, vocabSize),
    ...parseAttentionHeads(config),
    vocabSize,
    intermediateSize: config.integer('intermediate_size', 1),
    layers: config.integer('num_hidden_layers', 1),
    maxPositions: config.integer('max_position_embeddings', 1, 2048),
    rmsNormEps: config.positive('rms_norm_eps', 1e-6),
    rope: parseRope(config),
    attentionBias: config.boolean('attention_bias', false),
    mlpBias: config.boolean('mlp_bias', false),
    tiedEmbeddings: config.boolean('tie_word_embeddings', false),
    ...parseSpecialTokens(config)
  }
}

/**
 * Reads of a parsed config.json what the heads depend on; the keys of a backbone need not be there.
 * @param vocabSize of the backbone that the heads are for
 * @throws ArmormError unsupported_checkpoint, naming the key
 */
export function parseHeadsConfig(json: unknown, vocabSize: number): HeadsConfig {
  const config = new JsonObject(json)
  checkArchitecture(config)
  return parseGating(config, vocabSize)
}

function parseGating(config: JsonObject, vocabSize: number): HeadsConfig {
  const objectives = config.integer('num_objectives', 1, 19)
  const labels = config.integer('num_labels', 1, 1)
  if (labels !== 1 && labels !== objectives) {
    refuse(`num_labels ${labels} contradicts num_objectives ${objectives}; the model has one score`)
  }
  const objectiveNames = parseObjectiveNames(config, objectives)
  const verbosityObjective = config.string('verbosity_objective') ?? null
  if (objectiveNames && verbosityObjective !== null && !objectiveNames.includes(verbosityObjective)) {
    refuse(`verbosity_objective ${JSON.stringify(verbosityObjective)} is not one of objective_names`)
  }
  return {
    name: config.string('_name_or_path')?.trim() || null,
    hiddenSize: config.integer('hidden_size', 1),
    objectives,
    gatingTemperature: config.positive('gating_temperature', 10),
    gatingHiddenDim: config.integer('gating_hidden_dim', 1, 1024),
    gatingHiddenLayers: config.integer('gating_n_hidden', 0, 3),
    objectiveNames,
    verbosityObjective,
    gatingTokenPattern: parsePattern(config, vocabSize)
  }
}

/**
 * Reads config.json of a checkpoint folder.
 * @throws ArmormError unsupported_checkpoint when it is missing, not JSON, or not supported
 */
export async function readConfig(folder: string): Promise<ModelConfig> {
  return parseConfig(await readConfigJson(folder))
}

/**
 * config.json of a checkpoint folder as it is, whatever model it describes.
 * @throws ArmormError unsupported_checkpoint when it is missing or not JSON
 */
export async function readConfigJson(folder: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(join(folder, CONFIG_FILE), 'utf8')
  } catch (error) {
    throw new ArmormError('unsupported_checkpoint', `${folder} holds no ${CONFIG_FILE}`, {}, error)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ArmormError('unsupported_checkpoint', `${CONFIG_FILE} is not JSON`, {}, error)
  }
}

function checkArchitecture(config: JsonObject): void {
  const architectures = config.array('architectures') ?? []
  if (architectures.length !== 1 || architectures[0] !== ARCHITECTURE) {
    refuse(`architectures must be ["${ARCHITECTURE}"], not ${JSON.stringify(architectures)}`)
  }
  for (const [key, only] of Object.entries(ONLY)) {
    const value = config.get(key)
    if (value !== undefined && value !== only) refuse(`${key} ${JSON.stringify(value)} is not supported`)
  }
  if (Object.keys((config.get('pruned_heads') as object | undefined) ?? {}).length) {
    refuse('pruned_heads is not supported')
  }
  if (config.array('layer_types')?.some((type) => type !== 'full_attention')) {
    refuse('layer_types other than full_attention are not supported')
  }
}

function parseAttentionHeads(config: JsonObject): Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim'> {
  const hiddenSize = config.integer('hidden_size', 1)
  const heads = config.integer('num_attention_heads', 1)
  const kvHeads = config.integer('num_key_value_heads', 1, heads)
  if (heads % kvHeads) refuse(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${kvHeads}`)
  if (config.get('head_dim') === undefined && hiddenSize % heads) {
    refuse(`hidden_size ${hiddenSize} is not a multiple of num_attention_heads ${heads}, and there is no head_dim`)
  }
  const headDim = config.integer('head_dim', 1, hiddenSize / heads)
  if (headDim % 2) refuse(`head_dim ${headDim} is odd; rotary embedding rotates pairs`)
  return { heads, kvHeads, headDim }
}

function parseSpecialTokens(config: JsonObject): Pick<ModelConfig, 'bosTokenId' | 'eosTokenIds' | 'padTokenId'> {
  const ids = (key: string): number[] => {
    const value = config.get(key) ?? []
    const list = (Array.isArray(value) ? value : [value]) as unknown[]
    if (!list.every((id) => Number.isSafeInteger(id))) refuse(`${key} ${JSON.stringify(value)} is no token id`)
    // Some checkpoints write -1 for a token that they lack.
    return (list as number[]).filter((id) => id >= 0)
  }
  return {
    bosTokenId: ids('bos_token_id')[0] ?? null,
    eosTokenIds: ids('eos_token_id'),
    padTokenId: ids('pad_token_id')[0] ?? null
  }
}

function parseObjectiveNames(config: JsonObject, objectives: number): readonly string[] | null {
  const names = config.array('objective_names')
  if (!names) return null
  if (names.length !== objectives) {
    refuse(`objective_names has ${names.length} names, but num_objectives is ${objectives}`)
  }
  const seen = new Set<string>()
  return names.map((name) => {
    if (typeof name !== 'string' || !name) refuse('objective_names must hold non-empty strings')
    if (seen.has(name)) refuse(`objective_names holds ${JSON.stringify(name)} twice`)
    seen.add(name)
    return name
  })
}

function parsePattern(config: JsonObject, vocabSize: number): readonly number[] | null {
  const pattern = config.array('gating_token_pattern')
  if (!pattern) return null
  if (!pattern.length) refuse('gating_token_pattern is empty')
  return pattern.map((id) => {
    if (!Number.isSafeInteger(id) || (id as number) < 0 || (id as number) >= vocabSize) {
      refuse(`gating_token_pattern holds ${JSON.stringify(id)}; token ids run from 0 to ${vocabSize - 1}`)
    }
    return id as number
  })
}
