/** A backbone's checkpoint with heads that mean nothing, so that the exporter takes it. */
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TEXT_FILES } from '../../bundle/files.js'
import { ARCHITECTURE, CONFIG_FILE } from '../../checkpoint/config.js'
import { float32Source, type TensorSource, writeShards } from '../../checkpoint/write-safetensors.js'
import { openBackbone } from '../assemble/backbone.js'
import { withoutHeads } from '../assemble/config.js'

const SHARD_BYTES = 5e9

/**
 * Copies the backbone of any Llama checkpoint, a language model's or a classifier's say, and puts one objective's heads of
 * zeros on it.
 * @throws ArmormError unsupported_checkpoint naming key or tensor
 */
export async function writeStandIn(checkpoint: string, folder: string): Promise<void> {
  const backbone = await openBackbone(checkpoint)
  try {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    const hidden = backbone.config['hidden_size'] as number
    const zeros = (name: string, ...shape: number[]): TensorSource => {
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
      return float32Source(name, { shape, values })
    }
    const heads = [
      zeros('regression_layer.weight', 1, hidden),
      zeros('reward_transform_matrix', 1, 1),
      zeros('gating.layers.0.weight', 1, hidden),
      zeros('gating.layers.0.bias', 1),
      zeros('gating.logit_scale', 1)
    ]
    await writeShards(folder, [...backbone.tensors, ...heads], SHARD_BYTES)
    const config = {
      ...withoutHeads(backbone.config),
      architectures: [ARCHITECTURE],
      num_objectives: 1,
      gating_n_hidden: 0,
      gating_token_pattern: backbone.gatePattern
    }
    await writeFile(join(folder, CONFIG_FILE), JSON.stringify(config))
    const present = new Set(await readdir(checkpoint))
    for (const name of TEXT_FILES.filter((name) => present.has(name))) {
      await copyFile(join(checkpoint, name), join(folder, name))
    }
  } finally {
    await backbone.close()
  }
}
