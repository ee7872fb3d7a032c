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
import { queryHeads } from '../../../src/export/graph/query-heads.js'
import { inverseFrequencies } from '../../../src/export/graph/rotary.js'
import { decode, type Matrix } from './decode.js'
import { type OnnxFile, readOnnx } from './read-onnx.js'
import { writeSafetensors } from '../../../src/checkpoint/write-safetensors.js'

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
    const { precision } = manifest.backbone
    if (precision !== 'fp32' && precision !== 'compact')
      throw new Error(`its weights are stored rounded (${precision})`)
    if ([...backbone.initializers.keys()].some((name) => name.endsWith('.bias'))) throw new Error('it has biases')
    const tensors = new Map<string, Matrix>()
    tensors.set('model.embed_tokens.weight', await weight(backbone, 'embed_tokens.weight', hidden))
    const { headDim, theta } = await rope(backbone)
    let heads = 0
    let kvHeads = 0
    for (let layer = 0; layer < layers; layer++) {
      const to = `model.layers.${layer}`
      const from = `/layers.${layer}`
      for (const norm of ['input_layernorm', 'post_attention_layernorm']) {
        tensors.set(`${to}.${norm}.weight`, await weight(backbone, `${from}/${norm}.weight`, hidden))
      }
      const projection = (name: string) => weight(backbone, `${from}/attn/${name}.weight`, hidden)
      const [query, key] = [await projection('q_proj'), await projection('k_proj')]
      heads = query.shape[0]! / headDim
      kvHeads = key.shape[0]! / headDim
      tensors.set(`${to}.self_attn.q_proj.weight`, headsInOrder(query, kvHeads, headDim))
      tensors.set(`${to}.self_attn.k_proj.weight`, key)
      tensors.set(`${to}.self_attn.v_proj.weight`, await projection('v_proj'))
      const output = await weight(backbone, `${from}/attn/o_proj.weight`, query.shape[0]!)
      tensors.set(`${to}.self_attn.o_proj.weight`, output)
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
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
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

/** Width of a head, and the base that gives the angles. */
async function rope(file: OnnxFile): Promise<{ headDim: number; theta: number }> {
  const { values } = await weight(file, '/rotary/frequencies', 0)
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
function headsInOrder({ shape, values }: Matrix, kvHeads: number, headDim: number): Matrix {
  const [rows = 0, columns = 0] = shape
  const original = queryHeads({ heads: rows / headDim, kvHeads, headDim })
  const ordered = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    ordered.set(values.subarray(row * columns, (row + 1) * columns), original(row) * columns)
  }
  return { shape, values: ordered }
}

/** The shortest decimal number that is this float32: 1e-5, not 9.999999747378752e-6. */
function tidy(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === Math.fround(value)) return short
  }
  return value
}
