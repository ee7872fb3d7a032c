/** Parts of a manifest that whoever writes one needs. */
import { basename } from 'node:path'
import { HEADS_FILE } from '../bundle/files.js'
import type { Manifest } from '../bundle/manifest.js'
import type { HeadsConfig } from '../checkpoint/config.js'
import type { SafetensorsReader } from '../checkpoint/safetensors.js'
import { readFinite } from '../checkpoint/weights.js'

/**
 * What a manifest says of the heads.
 * @throws ArmormError unsupported_checkpoint for a weight that is not a finite number
 */
export async function headsPart(reader: SafetensorsReader, config: HeadsConfig): Promise<Manifest['heads']> {
  return {
    file: HEADS_FILE,
    logit_scale: (await readFinite(reader, 'gating.logit_scale'))[0]!,
    temperature: config.gatingTemperature,
    transform: await transformMatrix(reader, config)
  }
}

/** `[K][K]` */
async function transformMatrix(reader: SafetensorsReader, { objectives }: HeadsConfig): Promise<number[][]> {
  const flat = await readFinite(reader, 'reward_transform_matrix')
  return Array.from({ length: objectives }, (_, row) => [...flat.subarray(row * objectives, (row + 1) * objectives)])
}

/** A name on the hub, `owner/name`, is kept; a path of somebody's machine is not. */
export function sourceName(name: string): string {
  return /^[\w.-]+(\/[\w.-]+)?$/.test(name) ? name : basename(name)
}

/** Indented, but a list of numbers on one line. */
export function readableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  return `${text.replace(/\[\s+(-?\d[^[\]{}"]*?)\s+\]/g, (_, list: string) => `[${list.replace(/\s+/g, ' ')}]`)}\n`
}
