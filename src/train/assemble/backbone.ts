/** The backbone that a checkpoint is assembled around: of a checkpoint, as it is, or of a bundle that gives it back. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { TOKENIZER_FILE } from '../../bundle/files.js'
import { loadBundle } from '../../bundle/load.js'
import { MANIFEST_FILE } from '../../bundle/manifest.js'
import { ARCHITECTURE, parseConfig, readConfigJson } from '../../checkpoint/config.js'
import { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { backboneTensors, checkShapes } from '../../checkpoint/tensors.js'
import type { TensorSource } from '../../checkpoint/write-safetensors.js'
import { ArmormError } from '../../errors.js'
import { resolveGate } from '../../export/gate-pattern.js'
import { rebuildBackbone } from '../../export/rebuild/rebuild.js'
import { TextModel } from '../../text/text-model.js'
import { withoutHeads } from './config.js'
import { specialTokenIds } from './special-token-ids.js'

export interface Backbone {
  /** Where tokenizer, template and legal files lie. */
  readonly folder: string
  /** Keys of config.json; those of other heads are among them. */
  readonly config: Readonly<Record<string, unknown>>
  /** Under the names that LlamaModel has within a model, in the types that they are stored in. */
  readonly tensors: readonly TensorSource[]
  /** Token ids between prompt and answer. */
  readonly gatePattern: readonly number[]
  /** Of the bundle; null for a checkpoint. */
  readonly revision: string | null
  readonly close: () => Promise<void>
}

/**
 * Opens `--backbone`.
 * @throws ArmormError unsupported_checkpoint naming key or tensor, or why a bundle does not give its checkpoint back;
 *   those of opening a bundle
 */
export async function openBackbone(path: string): Promise<Backbone> {
  return existsSync(join(path, MANIFEST_FILE)) ? ofBundle(path) : ofCheckpoint(path)
}

async function ofBundle(folder: string): Promise<Backbone> {
  const bundle = await loadBundle(folder)
  const { gate, model, tokenizer } = bundle.manifest
  if (!gate.pattern) throw new ArmormError('unsupported_checkpoint', `${folder} has no gate pattern`)
  try {
    const { config, tensors, close } = await rebuildBackbone(bundle)
    const special = tokenizer ? await specialTokenIds(folder) : {}
    return {
      folder,
      config: { ...config, ...special },
      tensors,
      gatePattern: gate.pattern,
      revision: model.revision,
      close
    }
  } catch (error) {
    if (error instanceof ArmormError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new ArmormError('unsupported_checkpoint', `${why}; name the checkpoint as --backbone`, {}, error)
  }
}

async function ofCheckpoint(folder: string): Promise<Backbone> {
  const json = await readConfigJson(folder)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ArmormError('unsupported_checkpoint', 'config.json: not a JSON object')
  }
  const config = parseConfig({
    ...withoutHeads(json as Record<string, unknown>),
    architectures: [ARCHITECTURE],
    num_objectives: 1
  })
  const reader = await SafetensorsReader.open(folder)
  try {
    const wanted = backboneTensors(config)
    checkShapes(reader, wanted)
    const { vocabSize, maxPositions: maxTokens } = config
    const text = existsSync(join(folder, TOKENIZER_FILE))
      ? await TextModel.load(folder, { maxTokens, vocabSize, gatePattern: null })
      : null
    const gate = resolveGate(config, undefined, text && { pattern: text.deriveGatePattern() })
    return {
      folder,
      config: json as Record<string, unknown>,
      tensors: wanted.map(({ name }) => ({ name, ...reader.info(name), bytes: () => reader.storedBytes(name) })),
      gatePattern: gate.pattern!,
      revision: null,
      close: () => reader.close()
    }
  } catch (error) {
    await reader.close()
    throw error
  }
}
