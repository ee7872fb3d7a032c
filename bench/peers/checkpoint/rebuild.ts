/**
 * A checkpoint in Hugging Face layout from a bundle whose weights are stored without loss (`compact` of a checkpoint on
 * a GGUF's grid, or `fp32`), so that peers can be measured on the built-in model.
 */
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BACKBONE_FILE, HEADS_FILE, TEXT_FILES } from '../../../src/bundle/files.js'
import { loadBundle } from '../../../src/bundle/load.js'
import { ARCHITECTURE, CONFIG_FILE } from '../../../src/checkpoint/config.js'
import { SINGLE_FILE } from '../../../src/checkpoint/safetensors.js'
import { inverseFrequencies } from '../../../src/export/graph/rotary.js'
import { decode, type Matrix } from './decode.js'
import { type OnnxFile, readOnnx } from './read-onnx.js'
import { writeSafetensors } from './write-safetensors.js'

interface Heads {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Width of a head in the graph, padding included. */
  readonly width: number
}

/**
 * Writes config.json, model.safetensors and the tokenizer's files into `out`, which appears only when it is whole.
 * @throws Error for a bundle from which the checkpoint cannot be told: rounded weights, biases, scaled RoPE
 */
export async function rebuildCheckpoint(folder: string, out: string): Promise<void> {
  const { manifest } = await loadBundle(folder)
  const { hidden_size: hidden, layers, vocab_size: vocabSize } = manifest.backbone
  const backbone = await readOnnx(join(folder, BACKBONE_FILE))
  const headsFile = await readOnnx(join(folder, HEADS_FILE))
  const partial = `${out}.${process.pid}.partial`
  try {
    if ([...backbone.initializers.keys()].some((name) => name.endsWith('.bias'))) throw new Error('it has biases')
    const tensors = new Map<string, Matrix>()
    tensors.set('model.embed_tokens.weight', await weight(backbone, 'embed_tokens.weight', hidden))
    const { frequencies, headDim, theta } = await rope(backbone)
    let shape: Heads | undefined
    for (let layer = 0; layer < layers; layer++) {
      const to = `model.layers.${layer}`
      const from = `/layers.${layer}`
      for (const norm of ['input_layernorm', 'post_attention_layernorm']) {
        tensors.set(`${to}.${norm}.weight`, await weight(backbone, `${from}/${norm}.weight`, hidden))
      }
      const packed = await weight(backbone, `${from}/attn/qkv_proj.weight`, hidden)
      shape ??= await headsOf(backbone, packed, headDim, frequencies.length * 2)
      for (const [name, matrix] of unpack(packed, shape)) tensors.set(`${to}.self_attn.${name}.weight`, matrix)
      const output = await weight(backbone, `${from}/attn/o_proj.weight`, shape.heads * shape.width)
      tensors.set(`${to}.self_attn.o_proj.weight`, withoutPadding(output, shape))
      const gate = await weight(backbone, `${from}/mlp/gate_proj.weight`, hidden)
      tensors.set(`${to}.mlp.gate_proj.weight`, gate)
      tensors.set(`${to}.mlp.up_proj.weight`, await weight(backbone, `${from}/mlp/up_proj.weight`, hidden))
      tensors.set(`${to}.mlp.down_proj.weight`, await weight(backbone, `${from}/mlp/down_proj.weight`, gate.shape[0]!))
    }
    tensors.set('model.norm.weight', await weight(backbone, '/norm.weight', hidden))
    for (const name of headsFile.initializers.keys()) {
      if (name.startsWith('/')) continue // Constants of the graph; weights have the checkpoint's own names.
      tensors.set(name, await weight(headsFile, name, 0))
    }

    await rm(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true })
    const gateLayers = [...tensors.keys()].filter((name) => /^gating\.layers\.\d+\.weight$/.test(name)).length
    const config = {
      architectures: [ARCHITECTURE],
      model_type: 'llama',
      _name_or_path: manifest.model.name,
      hidden_size: hidden,
      intermediate_size: tensors.get('model.layers.0.mlp.gate_proj.weight')!.shape[0],
      num_hidden_layers: layers,
      num_attention_heads: shape!.heads,
      num_key_value_heads: shape!.kvHeads,
      head_dim: headDim,
      hidden_act: 'silu',
      rms_norm_eps: tidy(backbone.floats('epsilon')[0]!),
      rope_theta: theta,
      max_position_embeddings: manifest.max_tokens,
      vocab_size: vocabSize,
      torch_dtype: 'float32',
      num_objectives: manifest.objectives.length,
      objective_names: manifest.objectives.map(({ name }) => name),
      gating_temperature: manifest.heads.temperature,
      gating_hidden_dim: gateLayers > 1 ? tensors.get('gating.layers.0.weight')!.shape[0] : 1,
      gating_n_hidden: gateLayers - 1,
      ...(manifest.gate.pattern ? { gating_token_pattern: manifest.gate.pattern } : {})
    }
    await writeFile(join(partial, CONFIG_FILE), JSON.stringify(config, null, 2))
    await writeSafetensors(join(partial, SINGLE_FILE), tensors)
    for (const name of TEXT_FILES) {
      if (manifest.files[name]) await copyFile(join(folder, name), join(partial, name))
    }
    await rm(out, { recursive: true, force: true })
    await rename(partial, out)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`the checkpoint of ${manifest.model.name} cannot be told from its bundle: ${why}`, { cause: error })
  } finally {
    await Promise.all([backbone.close(), headsFile.close(), rm(partial, { recursive: true, force: true })])
  }
}

async function weight(file: OnnxFile, name: string, columns: number): Promise<Matrix> {
  const found = await decode(file, name, columns)
  if (!found) throw new Error(`it has no ${name}`)
  return found
}

/** Angles a position, and the base that gives them. */
async function rope(file: OnnxFile): Promise<{ frequencies: Float32Array; headDim: number; theta: number }> {
  const { values } = await weight(file, '/rotary/frequencies', 0)
  const headDim = 2 * values.filter((frequency) => frequency !== 0).length
  // Frequency i is theta^(-2i / headDim).
  const guess = headDim > 2 ? values[1]! ** (-headDim / 2) : NaN
  const theta = [Math.round(guess), Number(guess.toPrecision(5))].find((candidate) =>
    inverseFrequencies(headDim, { theta: candidate, scaling: { type: 'none' } }).every((f, i) => f === values[i])
  )
  if (theta === undefined) throw new Error('its RoPE is scaled')
  return { frequencies: values, headDim, theta }
}

async function headsOf(file: OnnxFile, qkv: Matrix, headDim: number, width: number): Promise<Heads> {
  const { initializers } = file
  const levels =
    initializers.get('/layers.0/attn/o_proj.weight.levels') ?? initializers.get('/layers.0/attn/o_proj.weight')
  // Levels lie in blocks; only whole blocks are stored exactly, so that their number gives the columns.
  const columns = levels!.dims.length === 3 ? levels!.dims[1]! * 32 : levels!.dims[1]!
  const heads = columns / width
  return { heads, kvHeads: (qkv.shape[0]! / width - heads) / 2, headDim, width }
}

/** Query, key and value projections, without the padding of their heads (src/export/graph/attention.ts). */
function unpack({ shape: [, columns = 0], values }: Matrix, { heads, kvHeads, headDim, width }: Heads) {
  const take = (firstHead: number, count: number, place: (index: number) => number): Matrix => {
    const taken = new Float32Array(count * headDim * columns)
    for (let row = 0; row < count * headDim; row++) {
      const from = (firstHead + Math.floor(row / headDim)) * width + place(row % headDim)
      taken.set(values.subarray(from * columns, (from + 1) * columns), row * columns)
    }
    return { shape: [count * headDim, columns], values: taken }
  }
  // Each half of a rotated head was padded by itself.
  const rotated = (index: number) => (index < headDim / 2 ? index : width / 2 + index - headDim / 2)
  return [
    ['q_proj', take(0, heads, rotated)],
    ['k_proj', take(heads, kvHeads, rotated)],
    ['v_proj', take(heads + kvHeads, kvHeads, (index) => index)]
  ] as const
}

function withoutPadding({ shape: [rows = 0, columns = 0], values }: Matrix, { heads, headDim, width }: Heads): Matrix {
  const taken = new Float32Array(rows * heads * headDim)
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const from = row * columns + head * width
      taken.set(values.subarray(from, from + headDim), (row * heads + head) * headDim)
    }
  }
  return { shape: [rows, heads * headDim], values: taken }
}

/** The shortest decimal number that is this float32: 1e-5, not 9.999999747378752e-6. */
function tidy(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === Math.fround(value)) return short
  }
  return value
}
