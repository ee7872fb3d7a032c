/** `armorm train assemble`: backbone and trained heads as one checkpoint in Hugging Face layout. */
import { existsSync } from 'node:fs'
import { copyFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TEXT_FILES } from '../../bundle/files.js'
import { CONFIG_FILE, readConfig } from '../../checkpoint/config.js'
import { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { checkTensors } from '../../checkpoint/tensors.js'
import { storedSize, writeShards } from '../../checkpoint/write-safetensors.js'
import { ArmormError } from '../../errors.js'
import { LEGAL_FILE } from '../../export/legal-files.js'
import { outFolder } from '../../export/out-folder.js'
import { makePartial, partialFolder } from '../../export/partial-folder.js'
import { BASELINES_FILE } from '../baselines/result.js'
import { outdated, readResults, type Results } from '../results.js'
import type { TrainLog } from '../log.js'
import type { TrainSettings } from '../settings.js'
import { type Backbone, openBackbone } from './backbone.js'
import { modelCard } from './card.js'
import { configOf } from './config.js'
import { type Heads, readHeads } from './heads.js'

export interface AssembleOptions {
  /** Bundle, or checkpoint: the one that was embedded with. */
  readonly backbone: string
  /** Folder to write; must not exist, or be empty, unless `mayReplace` says otherwise. */
  readonly out: string
  /** Refuses, by an error, what may not go: asked before anything is written, and when the checkpoint is whole. */
  readonly mayReplace?: () => Promise<void>
  /** Told the folder where the checkpoint is whole, before it appears under `out`. */
  readonly onWhole?: (folder: string) => Promise<void>
}

/** Compiled, this file lies in build/src/train/assemble. */
const MODELING = fileURLToPath(new URL('../../../../src/train/assemble/modeling_custom.py', import.meta.url))
export const MODELING_FILE = 'modeling_custom.py'
export const CARD_FILE = 'README.md'

/** Copied where the backbone has them, beside the files that every bundle takes. */
const MORE_TEXT_FILES = ['special_tokens_map.json', 'added_tokens.json', 'generation_config.json']

/**
 * Writes the checkpoint; it appears under `out` only when it is whole.
 * @returns number of objectives, bytes of all weights
 * @throws ArmormError invalid_work naming what is missing or does not fit; unsupported_checkpoint for a backbone that
 *   cannot be taken; invalid_config when `out` is not empty
 */
export async function runAssemble(
  work: string,
  { assemble: settings }: Pick<TrainSettings, 'assemble'>,
  log: TrainLog,
  { backbone: path, out: asked, mayReplace = () => checkEmpty(asked), onWhole }: AssembleOptions
): Promise<{ objectives: number; bytes: number }> {
  const out = await outFolder(asked)
  await mayReplace()
  const heads = await readHeads(work)
  const results = await readResults(work)
  checkBaselines(results, work)
  const backbone = await openBackbone(path)
  try {
    checkModel(heads, backbone, path)
    const name = settings.name ?? basename(out)
    const tensors = [...backbone.tensors, ...heads.tensors]
    const bytes = tensors.reduce((sum, tensor) => sum + storedSize(tensor), 0)
    const partial = await makePartial(out)
    let written = 0
    await writeShards(partial, tensors, settings.shard_gigabytes * 1e9, (more) =>
      log.progress((written += more) / bytes, 'weights')
    )
    const config = configOf(backbone, heads, name)
    await writeFile(join(partial, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`)
    await copyTextFiles(backbone.folder, partial)
    await copyFile(MODELING, join(partial, MODELING_FILE))
    await writeFile(join(partial, CARD_FILE), modelCard(results, settings, { name, heads, backbone }))
    await checkWritten(partial)
    await mayReplace()
    await publish(partial, out, onWhole)
    return { objectives: heads.objectives.length, bytes }
  } finally {
    await backbone.close()
    await rm(partialFolder(out), { recursive: true, force: true })
  }
}

/** Moves the checkpoint to `out`. What is there goes last of all, and comes back where the move fails. */
async function publish(partial: string, out: string, onWhole: AssembleOptions['onWhole']): Promise<void> {
  const old = `${out}.replaced-${process.pid}`
  const present = existsSync(out)
  if (present) await rename(out, old)
  try {
    await onWhole?.(partial)
    await rename(partial, out)
  } catch (error) {
    if (present) await rename(old, out)
    throw error
  }
  await rm(old, { recursive: true, force: true })
}

/** @throws ArmormError invalid_config when the folder holds something */
async function checkEmpty(path: string): Promise<void> {
  const present = await readdir(await outFolder(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new ArmormError('invalid_config', `--out ${path} is not a folder that can be read (${error.code})`, {}, error)
  })
  if (present.length > 0) throw new ArmormError('invalid_config', `${path} exists and is not empty`)
}

/** @throws ArmormError invalid_work when what the card would tell of the gate is of another one */
function checkBaselines(results: Results, work: string): void {
  const found = outdated(results).find(([step]) => step === 'baselines')
  if (!found) return
  const path = join(work, BASELINES_FILE)
  throw new ArmormError('invalid_work', `${path} is of a gate before: ${found[1]}; run armorm train baselines again`)
}

/** @throws ArmormError invalid_work when the heads were trained on states of another model, as far as that shows */
function checkModel({ hidden, model }: Heads, { config, revision }: Backbone, path: string): void {
  if (config['hidden_size'] !== hidden) {
    const width = String(config['hidden_size'])
    throw new ArmormError('invalid_work', `the heads read states of ${hidden} numbers; those of ${path} have ${width}`)
  }
  if (revision !== null && revision !== model.revision) {
    const message = `the heads were trained on states of ${model.name}, revision ${model.revision}; ${path} is ${revision}`
    throw new ArmormError('invalid_work', message)
  }
}

async function copyTextFiles(from: string, to: string): Promise<void> {
  const wanted = new Set<string>([...TEXT_FILES, ...MORE_TEXT_FILES])
  for (const name of await readdir(from)) {
    if (!wanted.has(name) && !LEGAL_FILE.test(name)) continue
    if ((await stat(join(from, name))).isFile()) await copyFile(join(from, name), join(to, name))
  }
}

/** What was written is a checkpoint that the exporter takes. */
async function checkWritten(folder: string): Promise<void> {
  const config = await readConfig(folder)
  const reader = await SafetensorsReader.open(folder)
  try {
    checkTensors(reader, config)
  } finally {
    await reader.close()
  }
}
