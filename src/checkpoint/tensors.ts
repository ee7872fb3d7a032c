/** Which tensors a reward model's checkpoint must hold. Names and shapes as ArmoRM's published checkpoint has them. */
import { ArmormError } from '../errors.js'
import type { HeadsConfig, ModelConfig } from './config.js'
import type { SafetensorsReader } from './safetensors.js'

export interface ExpectedTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** Keys of config.json that decide the shape. */
  readonly keys: readonly string[]
}

/** Tensors that other classes or versions store and no reward depends on. */
const HARMLESS = [/^lm_head\.weight$/, /^model\.(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/]

/** Every tensor of the model; weights of linear layers are `[out, in]`, applied as x Wᵀ. */
export function expectedTensors(config: ModelConfig): ExpectedTensor[] {
  return [...backboneTensors(config), ...headTensors(config)]
}

/** Those of the backbone. */
export function backboneTensors(config: ModelConfig): ExpectedTensor[] {
  const { tensors, add, linear } = collect()
  const hidden: Axis = [config.hiddenSize, 'hidden_size']
  const intermediate: Axis = [config.intermediateSize, 'intermediate_size']
  const query: Axis = [config.heads * config.headDim, 'num_attention_heads', 'head_dim']
  const keyValue: Axis = [config.kvHeads * config.headDim, 'num_key_value_heads', 'head_dim']

  add('model.embed_tokens.weight', [config.vocabSize, 'vocab_size'], hidden)
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`
    add(`${prefix}.input_layernorm.weight`, hidden)
    linear(`${prefix}.self_attn.q_proj`, query, hidden, config.attentionBias)
    linear(`${prefix}.self_attn.k_proj`, keyValue, hidden, config.attentionBias)
    linear(`${prefix}.self_attn.v_proj`, keyValue, hidden, config.attentionBias)
    linear(`${prefix}.self_attn.o_proj`, hidden, query, config.attentionBias)
    add(`${prefix}.post_attention_layernorm.weight`, hidden)
    linear(`${prefix}.mlp.gate_proj`, intermediate, hidden, config.mlpBias)
    linear(`${prefix}.mlp.up_proj`, intermediate, hidden, config.mlpBias)
    linear(`${prefix}.mlp.down_proj`, hidden, intermediate, config.mlpBias)
  }
  add('model.norm.weight', hidden)
  return tensors
}

/** Those of the heads: regression, reward transform, gate. */
export function headTensors(config: HeadsConfig): ExpectedTensor[] {
  const { tensors, add, linear } = collect()
  const hidden: Axis = [config.hiddenSize, 'hidden_size']
  const objectives: Axis = [config.objectives, 'num_objectives']
  const gatingHidden: Axis = [config.gatingHiddenDim, 'gating_hidden_dim']
  add('regression_layer.weight', objectives, hidden)
  add('reward_transform_matrix', objectives, objectives)
  for (let layer = 0; layer <= config.gatingHiddenLayers; layer++) {
    const output = layer === config.gatingHiddenLayers ? objectives : gatingHidden
    linear(`gating.layers.${layer}`, output, layer === 0 ? hidden : gatingHidden, true)
  }
  add('gating.logit_scale', [1])
  return tensors
}

/** Size of an axis and the keys of config.json that decide it. */
type Axis = readonly [size: number, ...keys: string[]]

function collect() {
  const tensors: ExpectedTensor[] = []
  const add = (name: string, ...axes: Axis[]): void => {
    tensors.push({ name, shape: axes.map(([size]) => size), keys: axes.flatMap(([, ...keys]) => keys) })
  }
  const linear = (name: string, out: Axis, input: Axis, bias: boolean): void => {
    add(`${name}.weight`, out, input)
    if (bias) add(`${name}.bias`, out)
  }
  return { tensors, add, linear }
}

/**
 * Holds a checkpoint's tensors against its config: all there, each of the right shape, none unknown.
 * @throws ArmormError unsupported_checkpoint, naming the tensor and the keys that its shape contradicts
 */
export function checkTensors(reader: SafetensorsReader, config: ModelConfig): void {
  const expected = expectedTensors(config)
  checkShapes(reader, expected)
  const known = new Set(expected.map(({ name }) => name))
  for (const name of reader.names()) {
    if (known.has(name) || HARMLESS.some((pattern) => pattern.test(name))) continue
    throw unsupported(`tensor ${name} is not one that this architecture and config.json have`)
  }
}

/**
 * The same for some of the tensors; others may be there.
 * @throws ArmormError unsupported_checkpoint, naming the tensor and the keys that its shape contradicts
 */
export function checkShapes(reader: SafetensorsReader, expected: readonly ExpectedTensor[]): void {
  for (const { name, shape, keys } of expected) {
    if (!reader.has(name)) throw unsupported(`the checkpoint has no tensor ${name}`)
    const found = reader.info(name).shape
    if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis])) {
      const why = keys.length ? `${[...new Set(keys)].join(', ')} of config.json want` : 'the architecture wants'
      throw unsupported(`tensor ${name} is [${found.join(', ')}], but ${why} [${shape.join(', ')}]`)
    }
  }
}

function unsupported(message: string): ArmormError {
  return new ArmormError('unsupported_checkpoint', message)
}
