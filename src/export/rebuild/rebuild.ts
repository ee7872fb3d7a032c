/**
 * The checkpoint behind a bundle whose weights are stored without loss (`compact` of a checkpoint on a GGUF's grid, or
 * `fp32`): so that a bundle can be trained on, and peers can be measured on the built-in model.
 */
import { copyFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BACKBONE_FILE, HEADS_FILE, TEXT_FILES } from '../../bundle/files.js'
import { type Bundle, loadBundle } from '../../bundle/load.js'
import { ARCHITECTURE, CONFIG_FILE } from '../../checkpoint/config.js'
import { type TensorSource, writeShards } from '../../checkpoint/write-safetensors.js'
import { queryHeads } from '../graph/query-heads.js'
import { inverseFrequencies } from '../graph/rotary.js'
import { type Stored, stored } from './decode.js'
import { type OnnxFile, readOnnx } from './read-onnx.js'
import { makePartial, partialFolder } from '../partial-folder.js'

export interface RebuiltBackbone {
  /** Keys of config.json that describe the backbone. */
  readonly config: Readonly<Record<string, unknown>>
  /** Bfloat16 where the weights lie on a grid, else float32; every value is the checkpoint's. */
  readonly tensors: readonly TensorSource[]
  readonly close: () => Promise<void>
}

/** Elements that are converted at once. */
const PIECE = 1 << 20

/**
 * Opens the backbone of a bundle.
 * @throws Error for one from which the checkpoint cannot be told: rounded weights, biases, scaled RoPE
 */
export async function rebuildBackbone({ folder, manifest }: Bundle): Promise<RebuiltBackbone> {
  const { hidden_size: hidden, layers, vocab_size: vocabSize, precision } = manifest.backbone
  const backbone = await readOnnx(join(folder, BACKBONE_FILE))
  try {
    if (precision !== 'fp32' && precision !== 'compact')
      throw new Error(`its weights are stored rounded (${precision})`)
    if ([...backbone.initializers.keys()].some((name) => name.endsWith('.bias'))) throw new Error('it has biases')
    const { headDim, theta } = await rope(backbone)
    const tensors: TensorSource[] = []
    const add = (name: string, from: string, columns: number, values?: Stored['values']): readonly number[] => {
      const found = weight(backbone, from, columns)
      tensors.push(source(name, values ? { ...found, values } : found))
      return found.shape
    }
    add('model.embed_tokens.weight', 'embed_tokens.weight', hidden)
    let heads = 0
    let kvHeads = 0
    let intermediate = 0
    for (let layer = 0; layer < layers; layer++) {
      const to = `model.layers.${layer}`
      const from = `/layers.${layer}`
      for (const norm of ['input_layernorm', 'post_attention_layernorm']) {
        add(`${to}.${norm}.weight`, `${from}/${norm}.weight`, hidden)
      }
      const projection = (name: string, columns = hidden, values?: Stored['values']) =>
        add(`${to}.self_attn.${name}.weight`, `${from}/attn/${name}.weight`, columns, values)
      const query = weight(backbone, `${from}/attn/q_proj.weight`, hidden)
      const queryRows = query.shape[0]!
      heads = queryRows / headDim
      kvHeads = weight(backbone, `${from}/attn/k_proj.weight`, hidden).shape[0]! / headDim
      const order = queryHeads({ heads, kvHeads, headDim })
      projection('q_proj', hidden, async () => headsInOrder(await query.values(), hidden, order))
      projection('k_proj')
      projection('v_proj')
      projection('o_proj', queryRows)
      const mlp = (name: string, columns: number) =>
        add(`${to}.mlp.${name}.weight`, `${from}/mlp/${name}.weight`, columns)
      intermediate = mlp('gate_proj', hidden)[0]!
      mlp('up_proj', hidden)
      mlp('down_proj', intermediate)
    }
    add('model.norm.weight', '/norm.weight', hidden)
    const config = {
      architectures: [ARCHITECTURE],
      model_type: 'llama',
      _name_or_path: manifest.model.name,
      hidden_size: hidden,
      intermediate_size: intermediate,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      head_dim: headDim,
      hidden_act: 'silu',
      rms_norm_eps: tidy(backbone.floats('epsilon')[0]!),
      rope_theta: theta,
      max_position_embeddings: manifest.max_tokens,
      vocab_size: vocabSize,
      torch_dtype: 'float32'
    }
    return { config, tensors, close: backbone.close }
  } catch (error) {
    await backbone.close()
    throw untold(manifest.model.name, error)
  }
}

/**
 * Writes config.json, model.safetensors and the tokenizer's files into `out`, which appears only when it is whole.
 * @throws Error for a bundle from which the checkpoint cannot be told: rounded weights, biases, scaled RoPE
 */
export async function rebuildCheckpoint(folder: string, out: string): Promise<void> {
  const bundle = await loadBundle(folder)
  const { manifest } = bundle
  const backbone = await rebuildBackbone(bundle)
  const heads = await readOnnx(join(folder, HEADS_FILE))
  try {
    // Constants of the graph have paths; weights have the checkpoint's own names.
    const names = [...heads.initializers.keys()].filter((name) => !name.startsWith('/'))
    const tensors = [...backbone.tensors, ...names.map((name) => source(name, weight(heads, name, 0)))]
    const gateLayers = names.filter((name) => /^gating\.layers\.\d+\.weight$/.test(name)).length
    const config = {
      ...backbone.config,
      num_objectives: manifest.objectives.length,
      objective_names: manifest.objectives.map(({ name }) => name),
      gating_temperature: manifest.heads.temperature,
      gating_hidden_dim: gateLayers > 1 ? weight(heads, 'gating.layers.0.weight', 0).shape[0] : 1,
      gating_n_hidden: gateLayers - 1,
      ...(manifest.gate.pattern ? { gating_token_pattern: manifest.gate.pattern } : {})
    }
    const partial = await makePartial(out)
    await writeFile(join(partial, CONFIG_FILE), JSON.stringify(config, null, 2))
    await writeShards(partial, tensors, Infinity)
    for (const name of TEXT_FILES) {
      if (manifest.files[name]) await copyFile(join(folder, name), join(partial, name))
    }
    await rm(out, { recursive: true, force: true })
    await rename(partial, out)
  } catch (error) {
    throw untold(manifest.model.name, error)
  } finally {
    await Promise.all([backbone.close(), heads.close(), rm(partialFolder(out), { recursive: true, force: true })])
  }
}

function untold(name: string, error: unknown): Error {
  const why = error instanceof Error ? error.message : String(error)
  return new Error(`the checkpoint of ${name} cannot be told from its bundle: ${why}`, { cause: error })
}

function weight(file: OnnxFile, name: string, columns: number): Stored {
  const found = stored(file, name, columns)
  if (!found) throw new Error(`it has no ${name}`)
  return found
}

function source(name: string, { shape, dtype, values }: Stored): TensorSource {
  return {
    name,
    shape,
    dtype,
    async *bytes() {
      const all = await values()
      for (let at = 0; at < all.length; at += PIECE) {
        const piece = all.subarray(at, at + PIECE)
        yield dtype === 'BF16' ? upperHalves(piece) : new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
      }
    }
  }
}

/** Float32 values that are bfloat16 values, as such. */
function upperHalves(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return new Uint8Array(Uint16Array.from(bits, (each) => each >>> 16).buffer)
}

/** Width of a head, and the base that gives the angles. */
async function rope(file: OnnxFile): Promise<{ headDim: number; theta: number }> {
  const values = await weight(file, '/rotary/frequencies', 0).values()
  const headDim = 2 * values.filter((frequency) => frequency !== 0).length
  // Frequency i is theta^(-2i / headDim).
  const guess = headDim > 2 ? values[1]! ** (-headDim / 2) : NaN
  const theta = [Math.round(guess), Number(guess.toPrecision(5))].find((candidate) =>
    inverseFrequencies(headDim, { theta: candidate, scaling: { type: 'none' } }).every((f, i) => f === values[i])
  )
  if (theta === undefined) throw new Error('its RoPE is scaled')
  return { headDim, theta }
}

/** Rows of a query projection as the checkpoint has them: the exporter puts the heads in another order. */
function headsInOrder(values: Float32Array, columns: number, original: (row: number) => number): Float32Array {
  const ordered = new Float32Array(values.length)
  for (let row = 0; row < values.length / columns; row++) {
    ordered.set(values.subarray(row * columns, (row + 1) * columns), original(row) * columns)
  }
  return ordered
}

/** The shortest decimal number that is this float32: 1e-5, not 9.999999747378752e-6. */
function tidy(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === Math.fround(value)) return short
  }
  return value
}
