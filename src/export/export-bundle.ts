/** From a Hugging Face checkpoint to a bundle. */
import { copyFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import {
  BACKBONE_DATA_FILE,
  BACKBONE_FILE,
  checksum,
  HEADS_FILE,
  revisionOf,
  TEXT_FILES,
  TOKENIZER_FILE
} from '../bundle/files.js'
import { BUNDLE_FORMAT, type Manifest, MANIFEST_FILE, type ManifestFidelity } from '../bundle/manifest.js'
import { type ModelConfig, readConfig } from '../checkpoint/config.js'
import { SafetensorsReader } from '../checkpoint/safetensors.js'
import { checkTensors, expectedTensors } from '../checkpoint/tensors.js'
import type { EngineSequence } from '../engine/contract.js'
import { ArmormError } from '../errors.js'
import { TextModel } from '../text/text-model.js'
import { packageVersion } from '../version.js'
import { resolveGate } from './gate-pattern.js'
import { type AttentionForm, buildBackbone } from './graph/backbone.js'
import { buildHeads } from './graph/heads.js'
import { buildInt8Backbone } from './graph/backbone-int8.js'
import type { FloatPrecision, Precision } from './graph/linear.js'
import { LEGAL_FILE } from './legal-files.js'
import { headsPart, readableJson, sourceName } from './manifest-parts.js'
import { resolveObjectives } from './objectives.js'
import { ExternalDataWriter } from './onnx/external-data.js'
import { GraphBuilder } from './onnx/graph-builder.js'
import { DataType } from './onnx/model.js'
import { checkOut, outFolder, publish } from './out-folder.js'
import { makePartial, partialFolder } from './partial-folder.js'
import { CALIBRATION_FILE, madeUp, readConversations, tokenized } from './quantize/calibration-set.js'
import { Calibration } from './quantize/calibrate.js'
import { FoldedBackbone } from './quantize/folded.js'
import { selfTestCases } from './self-test-cases.js'
import type { WeightSink } from './weights/store.js'

export interface ExportOptions {
  /** Folder of the checkpoint. */
  readonly checkpoint: string
  /** Folder to write; must not exist, unless `replace`. */
  readonly out: string
  readonly precision: Precision
  /** Name of the model; default: the checkpoint's own, else its folder's. */
  readonly name?: string
  readonly objectives?: readonly string[]
  /** Data set of each objective by name, for the manifest. */
  readonly sourceSets?: ReadonlyMap<string, string>
  readonly gatePattern?: readonly number[]
  /** Longest sequence in tokens; default and limit: the checkpoint's max_position_embeddings. */
  readonly maxTokens?: number
  readonly licence?: string
  /** Conversations for precision int8, as JSON lines; default: the packaged ones. */
  readonly calibration?: string
  /** Ids of tokens that precision int8 computes in more digits; default: the special tokens of the chat template. */
  readonly exactTokens?: readonly number[]
  readonly replace?: boolean
  /** Told how much is done, 0..1, and what is being done. */
  readonly onProgress?: (done: number, step: string) => void
  /** Measures the bundle in this folder, whole but for what is measured, before it is published. */
  readonly measure?: (folder: string) => Promise<ManifestFidelity>
}

/** What each precision is for: CUDA's GroupQueryAttention takes half precision only, the CPU's products single. */
const TARGETS: Record<Precision, Target> = {
  fp32: { attention: 'cascade', providers: ['cpu'], computeType: DataType.FLOAT },
  int8: { attention: 'cascade', providers: ['cpu'], computeType: DataType.FLOAT },
  compact: { attention: 'cascade', providers: ['cpu'], computeType: DataType.FLOAT },
  // On the CPU casts are put around most operators: slow, but the same numbers can be checked without a GPU.
  fp16: { attention: 'rows', providers: ['cuda', 'cpu'], computeType: DataType.FLOAT16 }
}

interface Target {
  readonly attention: AttentionForm
  readonly providers: Manifest['backbone']['providers']
  readonly computeType: WeightSink['computeType']
}

/** Share of the work that writing the weights is; the rest is the self-test. */
const WRITING = 0.7

/**
 * Exports a checkpoint. The bundle appears under `out` only when it is whole.
 * @throws ArmormError unsupported_checkpoint (naming key or tensor), invalid_config (naming what cannot be written)
 */
export async function exportBundle(options: ExportOptions): Promise<Manifest> {
  try {
    return await writeBundle(options)
  } catch (error) {
    // A full disk, a folder without permission: nothing that a stack trace would explain.
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new ArmormError('invalid_config', `the export to ${options.out} failed: ${error.message}`, {}, error)
  }
}

async function writeBundle(options: ExportOptions): Promise<Manifest> {
  const out = await outFolder(options.out)
  const replaced = await checkOut(out, options.checkpoint, options.replace ?? false)
  const config = await readConfig(options.checkpoint)
  const maxTokens = resolveMaxTokens(config, options.maxTokens)
  const objectives = resolveObjectives(config, options.objectives, options.sourceSets)
  const reader = await SafetensorsReader.open(options.checkpoint)
  try {
    checkTensors(reader, config)
    const partial = await makePartial(out)
    const copied = await copyTextFiles(options.checkpoint, partial)
    const tokenizer = copied.includes(TOKENIZER_FILE)
    const { vocabSize } = config
    const text = tokenizer ? await TextModel.load(partial, { maxTokens, vocabSize, gatePattern: null }) : null
    const gate = resolveGate(config, options.gatePattern, text && { pattern: text.deriveGatePattern() })
    const calibration = await calibrationOf(options, config, maxTokens, text)
    const lossless = await writeGraphs(partial, reader, config, maxTokens, options, calibration)
    const selfTest = await selfTestCases(reader, config, maxTokens, lossless, (done) =>
      options.onProgress?.(WRITING + done * (1 - WRITING), 'self-test')
    )
    const files = await checksums(partial)
    const target = TARGETS[options.precision]
    const source = config.name ?? ''
    const contents: Omit<Manifest, 'model' | 'self_test'> = {
      format_version: BUNDLE_FORMAT,
      backbone: {
        file: BACKBONE_FILE,
        precision: options.precision,
        attention: target.attention,
        providers: [...target.providers],
        hidden_size: config.hiddenSize,
        layers: config.layers,
        vocab_size: config.vocabSize,
        ...(calibration && calibration.exactTokens.length > 0 && { exact_tokens: calibration.exactTokens })
      },
      heads: await headsPart(reader, config),
      objectives,
      gate,
      max_tokens: maxTokens,
      tokenizer,
      files
    }
    const { format_version, ...rest } = contents
    const manifest: Manifest = {
      format_version,
      model: {
        name: options.name ?? (basename(source) || basename(resolve(options.checkpoint))),
        revision: revisionOf(contents),
        source: sourceName(source),
        licence: options.licence ?? null
      },
      ...rest,
      self_test: selfTest
    }
    await writeFile(join(partial, MANIFEST_FILE), readableJson(manifest))
    if (options.measure) {
      manifest.fidelity = await options.measure(partial)
      await writeFile(join(partial, MANIFEST_FILE), readableJson(manifest))
    }
    publish(partial, out, replaced)
    return manifest
  } finally {
    await reader.close()
    await rm(partialFolder(out), { recursive: true, force: true })
  }
}

function resolveMaxTokens({ maxPositions }: ModelConfig, asked: number | undefined): number {
  if (maxPositions < 2) {
    throw new ArmormError(
      'unsupported_checkpoint',
      `max_position_embeddings ${maxPositions} leaves no room for a prompt and a response`
    )
  }
  if (asked === undefined) return maxPositions
  if (asked >= 2 && asked <= maxPositions) return asked
  throw new ArmormError(
    'invalid_config',
    `--max-tokens ${asked} is not between 2 and max_position_embeddings ${maxPositions}`
  )
}

/** Copies tokenizer, chat template and legal texts; returns the names of what was there. */
async function copyTextFiles(from: string, to: string): Promise<string[]> {
  const names: string[] = []
  for (const name of await readdir(from)) {
    if (!LEGAL_FILE.test(name) && !TEXT_FILES.some((file) => file === name)) continue
    if (!(await stat(join(from, name))).isFile()) continue
    names.push(name)
    if (name === TOKENIZER_FILE) await compactJson(join(from, name), join(to, name))
    else await copyFile(join(from, name), join(to, name))
  }
  return names
}

/** Hugging Face indents tokenizer.json; without the white space it is half the size. */
async function compactJson(from: string, to: string): Promise<void> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(from, 'utf8'))
  } catch (error) {
    throw new ArmormError('unsupported_checkpoint', `${basename(from)} is not JSON`, {}, error)
  }
  await writeFile(to, JSON.stringify(json))
}

/** What precision int8 needs to know besides the weights. */
interface CalibrationData {
  readonly sequences: readonly EngineSequence[]
  readonly exactTokens: number[]
}

/** Null at other precisions. @throws ArmormError invalid_config */
async function calibrationOf(
  { precision, calibration, exactTokens }: ExportOptions,
  { vocabSize }: ModelConfig,
  maxTokens: number,
  text: TextModel | null
): Promise<CalibrationData | null> {
  if (precision !== 'int8') {
    if (calibration === undefined && exactTokens === undefined) return null
    throw new ArmormError('invalid_config', '--calibration and --exact-tokens are for --precision int8')
  }
  const outside = exactTokens?.find((id) => id >= vocabSize)
  if (outside !== undefined) {
    const message = `--exact-tokens names ${outside}, but the vocabulary has ${vocabSize} tokens`
    throw new ArmormError('invalid_config', message)
  }
  const exact = [...new Set(exactTokens ?? text?.structureTokens() ?? [])].filter((id) => id < vocabSize)
  if (text !== null) {
    const path = calibration ?? CALIBRATION_FILE
    return { sequences: tokenized(await readConversations(path), text, path), exactTokens: exact }
  }
  if (calibration !== undefined) {
    throw new ArmormError('invalid_config', '--calibration needs a tokenizer, and the checkpoint has none')
  }
  return { sequences: madeUp(vocabSize, maxTokens), exactTokens: exact }
}

/** @returns whether every weight is stored without loss */
async function writeGraphs(
  folder: string,
  reader: SafetensorsReader,
  config: ModelConfig,
  maxTokens: number,
  { precision, onProgress }: ExportOptions,
  calibration: CalibrationData | null
): Promise<boolean> {
  const version = await packageVersion()
  const weights = expectedTensors(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
  let written = 0
  const graph = new GraphBuilder('backbone')
  const data = await ExternalDataWriter.create(join(folder, BACKBONE_DATA_FILE), BACKBONE_DATA_FILE)
  const count = (more: number): void => {
    written += more
    onProgress?.(Math.min(1, written / weights) * WRITING, 'weights')
  }
  const { attention, computeType } = TARGETS[precision]
  const sink: WeightSink = { graph, data, computeType, onProgress: count, lossless: true }
  try {
    if (calibration) await writeInt8(sink, folder, reader, config, maxTokens, calibration)
    else await buildBackbone(sink, reader, config, precision as FloatPrecision, attention, maxTokens)
  } finally {
    await data.close()
  }
  await writeFile(join(folder, BACKBONE_FILE), graph.encode(version))
  const heads = await buildHeads(reader, config)
  await writeFile(join(folder, HEADS_FILE), heads.encode(version))
  return sink.lossless
}

async function writeInt8(
  sink: WeightSink,
  folder: string,
  reader: SafetensorsReader,
  config: ModelConfig,
  maxTokens: number,
  { sequences, exactTokens }: CalibrationData
): Promise<void> {
  const folded = new FoldedBackbone(reader, config)
  const layers = await Calibration.start({
    folded,
    sequences,
    exactTokens: new Set(exactTokens),
    folder: join(folder, 'calibration'),
    maxTokens
  })
  try {
    await buildInt8Backbone(sink, {
      folded,
      maxTokens,
      exact: exactTokens.length > 0,
      calibrate: () => layers.layer()
    })
  } finally {
    await layers.close()
  }
}

async function checksums(folder: string): Promise<Manifest['files']> {
  const files: Manifest['files'] = {}
  for (const name of (await readdir(folder)).sort()) files[name] = await checksum(join(folder, name))
  return files
}
