import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { seeded } from '../../src/random.js'
import { readOnnx } from '../../src/export/rebuild/read-onnx.js'
import { rebuildCheckpoint } from '../../src/export/rebuild/rebuild.js'
import { readConfig } from '../../src/checkpoint/config.js'
import { SafetensorsReader } from '../../src/checkpoint/safetensors.js'
import { expectedTensors } from '../../src/checkpoint/tensors.js'
import { exportBundle } from '../../src/export/export-bundle.js'
import { tinyBundle } from '../support/bundles.js'
import { type CheckpointName, checkpointFolder } from '../support/checkpoints.js'
import { bits16, float32, safetensorsFile, type StoredValues } from '../support/safetensors.js'

/** Tensors and the keys of config.json that decide a reward are those of the source. */
async function sameCheckpoint(t: Test, checkpoint: string, rebuilt: string): Promise<void> {
  const [source, found] = await Promise.all([checkpoint, rebuilt].map((f) => SafetensorsReader.open(f)))
  t.teardown(() => Promise.all([source!.close(), found!.close()]))
  const wanted = source!.names().filter((tensor) => tensor !== 'lm_head.weight')
  t.strictSame(found!.names().sort(), wanted.sort())
  for (const tensor of wanted) {
    t.strictSame(found!.info(tensor).shape, source!.info(tensor).shape, `${tensor}: shape`)
    const [a, b] = [await source!.readAll(tensor), await found!.readAll(tensor)]
    t.ok(a.length === b.length && a.every((value, i) => value === b[i]), `${tensor}: values`)
  }
  const [a, b] = [await readConfig(checkpoint), await readConfig(rebuilt)]
  const keys = [
    'hiddenSize',
    'intermediateSize',
    'layers',
    'heads',
    'kvHeads',
    'headDim',
    'rmsNormEps',
    'rope'
  ] as const
  const gate = ['objectives', 'gatingTemperature', 'gatingHiddenLayers', 'vocabSize', 'maxPositions'] as const
  for (const key of [...keys, ...gate]) t.strictSame(b[key], a[key], key)
}

const GRID_CONFIG = {
  architectures: ['LlamaForRewardModelWithGating'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  rms_norm_eps: 1e-5,
  rope_theta: 5000,
  max_position_embeddings: 64,
  vocab_size: 40,
  hidden_act: 'silu',
  torch_dtype: 'bfloat16',
  num_objectives: 3,
  gating_temperature: 2,
  gating_hidden_dim: 8,
  gating_n_hidden: 1
}

/** A checkpoint whose matrices lie on 4- and 8-bit grids, as those of dequantized GGUFs do. @returns its folder */
async function gridCheckpoint(t: Test): Promise<string> {
  const folder = t.testdir({ 'config.json': JSON.stringify(GRID_CONFIG) })
  const random = seeded(3)
  const tensors: Record<string, StoredValues> = {}
  for (const { name, shape } of expectedTensors(await readConfig(folder))) {
    const size = shape.reduce((product, each) => product * each, 1)
    const values = new Float32Array(size)
    // Each block of 32 has a level at either end of its range, as the grid's fit looks for.
    for (let i = 0; i < size; i++) {
      const [block, within] = [Math.floor(i / 32), i % 32]
      const scale = 2 ** -(5 + (block % 3))
      if (/embed_tokens|down_proj/.test(name)) {
        const level = within === 0 ? -127 : Math.round(random() * 254) - 127
        values[i] = (level * scale) / 8
      } else {
        const level = within < 2 ? within * 15 : Math.floor(random() * 16)
        values[i] = (level - 8) * scale
      }
    }
    tensors[name] =
      name.startsWith('model.') && shape.length === 2
        ? bits16(
            'BF16',
            shape,
            [...new Uint32Array(values.buffer)].map((bits) => bits >>> 16)
          )
        : float32(shape, [...values])
  }
  writeFileSync(join(folder, 'model.safetensors'), safetensorsFile(tensors))
  return folder
}

t.test('weights on exact grids come back from a compact bundle, bit for bit', async (t) => {
  const checkpoint = await gridCheckpoint(t)
  const bundle = join(checkpoint, 'bundle')
  await exportBundle({ checkpoint, out: bundle, precision: 'compact', gatePattern: [1, 2] })
  const graph = await readOnnx(join(bundle, 'backbone.onnx'))
  const stored = [...graph.initializers.keys()]
  await graph.close()
  t.ok(stored.includes('/layers.0/attn/q_proj.weight.minima'), 'the 4-bit grid was taken')
  t.ok(stored.includes('embed_tokens.weight.levels'), 'the 8-bit grid was taken')
  const rebuilt = join(checkpoint, 'rebuilt')
  await rebuildCheckpoint(bundle, rebuilt)
  await sameCheckpoint(t, checkpoint, rebuilt)
})

t.test('weights come back from an fp32 bundle, heads in their own order', async (t) => {
  for (const name of ['armorm-tiny', 'odd-heads-shards', 'head-dim-20', 'one-objective'] as const) {
    await t.test(name, async (t) => {
      const rebuilt = join(t.testdir(), 'rebuilt')
      await rebuildCheckpoint(await tinyBundle(t, name, 'fp32'), rebuilt)
      await sameCheckpoint(t, checkpointFolder(name), rebuilt)
    })
  }
})

t.test('what cannot be told is refused', async (t) => {
  const refused = async (name: CheckpointName, precision: 'fp32' | 'int8', why: RegExp) => {
    const bundle = await tinyBundle(t, name, precision)
    await t.rejects(rebuildCheckpoint(bundle, join(t.testdirName, 'rebuilt')), why, name)
  }
  await refused('armorm-tiny', 'int8', /stored rounded|has no/)
  await refused('llama3-rope', 'fp32', /RoPE is scaled/)
  await refused('biases', 'fp32', /biases/)
})
