/** A checkpoint computed the slow, plain way, weights streamed: what an export and an engine are held against. */
import { type HeadsConfig, type ModelConfig, readConfig } from '../checkpoint/config.js'
import { SafetensorsReader } from '../checkpoint/safetensors.js'
import { checkTensors } from '../checkpoint/tensors.js'
import { tensorSource } from '../checkpoint/weights.js'
import { backbone, type BackboneWeights, type LayerWeights } from './backbone.js'
import { heads, type HeadWeights, type Reward } from './heads.js'
import type { Linear } from './linear.js'

export class ReferenceModel {
  readonly config: ModelConfig
  readonly #reader: SafetensorsReader
  readonly #backbone: BackboneWeights
  readonly #heads: HeadWeights

  private constructor(config: ModelConfig, reader: SafetensorsReader, weights: BackboneWeights, head: HeadWeights) {
    this.config = config
    this.#reader = reader
    this.#backbone = weights
    this.#heads = head
  }

  /**
   * Opens a checkpoint folder.
   * @throws ArmormError unsupported_checkpoint
   */
  static async open(folder: string): Promise<ReferenceModel> {
    const config = await readConfig(folder)
    const reader = await SafetensorsReader.open(folder)
    try {
      checkTensors(reader, config)
      return await ReferenceModel.over(reader, config)
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  /** A model over an open checkpoint whose tensors have been checked. */
  static async over(reader: SafetensorsReader, config: ModelConfig): Promise<ReferenceModel> {
    return new ReferenceModel(config, reader, await loadBackbone(reader, config), await loadHeads(reader, config))
  }

  /**
   * Reward of one conversation, read at its last token.
   * @param ids `[S]` token ids
   * @param gateIndex index in `ids` where the gate reads the prompt's state
   * @throws RangeError for a gate index or a token id that does not exist
   */
  async forward(ids: ArrayLike<number>, gateIndex: number): Promise<Reward> {
    if (!(gateIndex >= 0 && gateIndex < ids.length)) throw new RangeError(`gate index ${gateIndex} of ${ids.length}`)
    const { last, prompt } = await this.states(ids, gateIndex)
    return heads(this.#heads, last, prompt)
  }

  /**
   * The states that the heads read.
   * @param ids `[S]` token ids
   * @param gateIndex index in `ids`
   * @returns `[D]` each, after the final norm: of the last token, and at the gate position
   */
  async states(ids: ArrayLike<number>, gateIndex: number): Promise<{ last: Float64Array; prompt: Float64Array }> {
    const size = this.config.hiddenSize
    const embeddings = new Float64Array(ids.length * size) // [S, D]
    for (let i = 0; i < ids.length; i++) {
      embeddings.set(await this.#reader.readRows('model.embed_tokens.weight', ids[i]!, 1), i * size)
    }
    const states = await backbone(this.config, this.#backbone, embeddings) // [S, D]
    const state = (token: number): Float64Array => states.subarray(token * size, (token + 1) * size)
    return { last: state(ids.length - 1), prompt: state(gateIndex) }
  }

  async close(): Promise<void> {
    await this.#reader.close()
  }
}

async function loadLinear(reader: SafetensorsReader, name: string, bias: boolean): Promise<Linear> {
  return {
    weight: tensorSource(reader, `${name}.weight`),
    bias: bias ? await reader.readAll(`${name}.bias`) : null
  }
}

async function loadBackbone(reader: SafetensorsReader, config: ModelConfig): Promise<BackboneWeights> {
  const layers: LayerWeights[] = []
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`
    layers.push({
      inputNorm: await reader.readAll(`${prefix}.input_layernorm.weight`),
      query: await loadLinear(reader, `${prefix}.self_attn.q_proj`, config.attentionBias),
      key: await loadLinear(reader, `${prefix}.self_attn.k_proj`, config.attentionBias),
      value: await loadLinear(reader, `${prefix}.self_attn.v_proj`, config.attentionBias),
      output: await loadLinear(reader, `${prefix}.self_attn.o_proj`, config.attentionBias),
      postAttentionNorm: await reader.readAll(`${prefix}.post_attention_layernorm.weight`),
      gate: await loadLinear(reader, `${prefix}.mlp.gate_proj`, config.mlpBias),
      up: await loadLinear(reader, `${prefix}.mlp.up_proj`, config.mlpBias),
      down: await loadLinear(reader, `${prefix}.mlp.down_proj`, config.mlpBias)
    })
  }
  return { layers, finalNorm: await reader.readAll('model.norm.weight') }
}

/** The heads of an open checkpoint, or of a folder with nothing else, whose tensors have been checked. */
export async function loadHeads(reader: SafetensorsReader, config: HeadsConfig): Promise<HeadWeights> {
  const gating: Linear[] = []
  for (let layer = 0; layer <= config.gatingHiddenLayers; layer++) {
    gating.push(await loadLinear(reader, `gating.layers.${layer}`, true))
  }
  const [logitScale] = await reader.readAll('gating.logit_scale')
  return {
    regression: await loadLinear(reader, 'regression_layer', false),
    gating,
    temperature: config.gatingTemperature,
    logitScale: logitScale!,
    transform: await reader.readAll('reward_transform_matrix')
  }
}
