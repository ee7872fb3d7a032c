/** New heads for a bundle: heads.onnx and what the manifest says of them; the backbone's files stay, bit for bit. */
import { constants } from 'node:fs'
import { access, copyFile, link, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checksum, HEADS_FILE, revisionOf } from '../bundle/files.js'
import { loadBundle } from '../bundle/load.js'
import { exactTokensOf, type Manifest, MANIFEST_FILE, type Objective } from '../bundle/manifest.js'
import { REFERENCE_FILE } from '../bundle/reference.js'
import { checkSelfTest, selfTestBatch } from '../bundle/self-test.js'
import { type HeadsConfig, parseConfig, parseHeadsConfig, readConfigJson } from '../checkpoint/config.js'
import { SafetensorsReader } from '../checkpoint/safetensors.js'
import { checkShapes, checkTensors, headTensors } from '../checkpoint/tensors.js'
import type { HeadOutputs } from '../engine/contract.js'
import { cascadeFeeds, rowFeeds } from '../engine/feeds.js'
import { packBatch } from '../engine/pack.js'
import { PlainGraph } from '../engine/session.js'
import { usableThreads } from '../engine/threads.js'
import { ArmormError } from '../errors.js'
import { heads as referenceHeads } from '../reference/heads.js'
import { loadHeads, ReferenceModel } from '../reference/model.js'
import { packageVersion } from '../version.js'
import { gateOfNewHeads } from './gate-pattern.js'
import { buildHeads } from './graph/heads.js'
import { headsPart, readableJson, sourceName } from './manifest-parts.js'
import { resolveObjectives } from './objectives.js'
import { checkOut, outFolder, publish } from './out-folder.js'
import { makePartial, partialFolder } from './partial-folder.js'
import { type ComputedCase, isLossless, selfTestOf } from './self-test-cases.js'

export interface HeadsExportOptions {
  /** Folder of the checkpoint that has the heads; its safetensors may hold nothing else. */
  readonly checkpoint: string
  /** Folder of the bundle whose backbone they are for. */
  readonly bundle: string
  /** Folder to write; default: the bundle itself. Must not exist otherwise, unless `replace`. */
  readonly out?: string
  /** Name of the model; default: the bundle's. */
  readonly name?: string
  readonly objectives?: readonly string[]
  /** Data set of each objective by name; default: the bundle's for an objective of the same name. */
  readonly sourceSets?: ReadonlyMap<string, string>
  readonly gatePattern?: readonly number[]
  /** Default: the bundle's. */
  readonly licence?: string
  readonly replace?: boolean
  /** Told how much is done, 0..1, and what is being done. */
  readonly onProgress?: (done: number, step: string) => void
}

export interface HeadsExport {
  readonly manifest: Manifest
  /** Whether the checkpoint has a backbone, so that the bundle's could be held against it. */
  readonly backboneChecked: boolean
  /** What was measured with the old heads and is gone. */
  readonly dropped: readonly string[]
}

/** States of the self-test's conversations: of the last token and at the gate position, `[D]` each. */
interface States {
  readonly last: Float64Array
  readonly prompt: Float64Array
}

/**
 * Allowed distance of the bundle's states from the checkpoint's, as a share of their norm: float32 rounding where weights
 * are stored without loss, and what 8 bits cost otherwise. States of unrelated backbones are as far apart as they are
 * long.
 */
const SAME_STATES = { lossless: 1e-2, rounded: 0.25 }

/**
 * Replaces the heads of a bundle. It appears under `out` only when it is whole. What was measured with the old heads,
 * reference.json and `fidelity`, is left out.
 * @throws ArmormError unsupported_checkpoint (naming key or tensor, or that the backbone is another one), bundle_missing,
 *   bundle_invalid, bundle_checksum, invalid_config (naming what cannot be written)
 */
export async function exportHeads(options: HeadsExportOptions): Promise<HeadsExport> {
  const target = options.out ?? options.bundle
  try {
    return await writeBundle(options, target)
  } catch (error) {
    // A full disk, a folder without permission: nothing that a stack trace would explain.
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new ArmormError('invalid_config', `the export to ${target} failed: ${error.message}`, {}, error)
  }
}

async function writeBundle(options: HeadsExportOptions, target: string): Promise<HeadsExport> {
  const { folder, manifest: old } = await loadBundle(options.bundle)
  const out = await outFolder(target)
  const inPlace = out === (await realpath(folder))
  const replaced = await checkOut(out, options.checkpoint, inPlace || (options.replace ?? false))
  const json = await readConfigJson(options.checkpoint)
  const { vocab_size: vocabSize, hidden_size: hiddenSize } = old.backbone
  const config = parseHeadsConfig(json, vocabSize)
  if (config.hiddenSize !== hiddenSize) {
    throw unsupported(`hidden_size ${config.hiddenSize} is not the bundle's ${hiddenSize}`)
  }
  const objectives = newObjectives(config, old, options)
  const gate = gateOfNewHeads(config, options.gatePattern, old.gate, vocabSize)
  const reader = await SafetensorsReader.open(options.checkpoint)
  try {
    checkShapes(reader, headTensors(config))
    options.onProgress?.(0, 'self-test')
    const bundleStates = await statesOf(folder, old)
    const computed = await expectedRewards(json, config, reader, old, bundleStates, (done) =>
      options.onProgress?.(done, 'self-test')
    )
    const selfTest = selfTestOf(computed.cases, isLossless(old.self_test))

    const partial = await makePartial(out)
    const heads = await buildHeads(reader, config)
    await writeFile(join(partial, HEADS_FILE), heads.encode(await packageVersion()))
    for (const name of Object.keys(old.files)) {
      if (name !== HEADS_FILE) await takeFile(join(folder, name), join(partial, name), inPlace)
    }
    const manifest: Manifest = {
      ...old,
      heads: await headsPart(reader, config),
      objectives,
      gate,
      files: { ...old.files, [HEADS_FILE]: await checksum(join(partial, HEADS_FILE)) },
      self_test: selfTest
    }
    const revision = revisionOf(manifest)
    const dropped = revision === old.model.revision ? [] : await measuredWith(old, [folder, out])
    if (dropped.length > 0) delete manifest.fidelity
    manifest.model = {
      name: options.name ?? old.model.name,
      revision,
      source: config.name === null ? old.model.source : sourceName(config.name),
      licence: options.licence ?? old.model.licence
    }
    checkSelfTest(manifest, await headsOver(partial, manifest, bundleStates))
    await writeFile(join(partial, MANIFEST_FILE), readableJson(manifest))
    // A server refuses the reference of another revision.
    publish(partial, out, new Set([...replaced, ...dropped]))
    return { manifest, backboneChecked: computed.backboneChecked, dropped }
  } finally {
    await reader.close()
    await rm(partialFolder(out), { recursive: true, force: true })
  }
}

/** What was measured with the heads that go: a file of one of the folders, a part of the manifest. */
async function measuredWith({ fidelity }: Manifest, folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(folders.map((folder) => access(join(folder, REFERENCE_FILE)).then(yes, no)))
  return [...(found.includes(true) ? [REFERENCE_FILE] : []), ...(fidelity ? ['fidelity'] : [])]
}

const [yes, no] = [() => true, () => false]

/**
 * Names as `resolveObjectives` finds them, before its table of known models the bundle's where there are as many.
 * Objectives that keep their name keep their set and scale.
 */
function newObjectives(
  config: HeadsConfig,
  old: Manifest,
  { objectives, sourceSets }: HeadsExportOptions
): Objective[] {
  const known = old.objectives.map(({ name }) => name)
  const given = objectives ?? (known.length === config.objectives ? known : undefined)
  const before = new Map(old.objectives.map((objective) => [objective.name, objective]))
  const found = resolveObjectives({ ...config, vocabSize: old.backbone.vocab_size }, given, sourceSets)
  return found.map((objective) => ({
    name: objective.name,
    source_set: sourceSets?.get(objective.name) ?? before.get(objective.name)?.source_set ?? objective.source_set,
    native_scale: before.get(objective.name)?.native_scale ?? objective.native_scale
  }))
}

/** What the bundle's own backbone gives for the conversations of its self-test. */
async function statesOf(folder: string, manifest: Manifest): Promise<States[]> {
  const packed = packBatch(selfTestBatch(manifest))
  const { attention, file, hidden_size: size } = manifest.backbone
  const exact = exactTokensOf(manifest)
  const feeds = attention === 'rows' ? rowFeeds(packed) : cascadeFeeds(packed, exact.length > 0 ? new Set(exact) : null)
  const graph = await PlainGraph.open(folder, file, usableThreads())
  try {
    const states = Float64Array.from((await graph.run(feeds))['states']!)
    const count = manifest.self_test.cases.length
    // The last tokens' states of all sequences come first, those of the gate positions after them.
    const state = (index: number) => states.subarray(index * size, (index + 1) * size)
    return Array.from({ length: count }, (_, index) => ({ last: state(index), prompt: state(count + index) }))
  } finally {
    await graph.close()
  }
}

/**
 * What the new heads have to give for the conversations of the old self-test, in float64: over the states of the
 * checkpoint's own backbone, which the bundle's must equal, or over the bundle's where the checkpoint has none.
 */
async function expectedRewards(
  json: unknown,
  headsConfig: HeadsConfig,
  reader: SafetensorsReader,
  manifest: Manifest,
  bundleStates: readonly States[],
  onProgress: (done: number) => void
): Promise<{ cases: ComputedCase[]; backboneChecked: boolean }> {
  const backboneChecked = reader.has('model.embed_tokens.weight')
  const weights = await loadHeads(reader, headsConfig)
  const reference = backboneChecked ? await backboneOf(json, reader, manifest) : null
  const limit = isLossless(manifest.self_test) ? SAME_STATES.lossless : SAME_STATES.rounded
  const stored = manifest.self_test.cases
  const cases: ComputedCase[] = []
  for (const [index, { input_ids: ids, gate_index: gateIndex }] of stored.entries()) {
    let states = bundleStates[index]!
    if (reference) {
      states = await reference.states(ids, gateIndex)
      const far = Math.max(
        distance(bundleStates[index]!.last, states.last),
        distance(bundleStates[index]!.prompt, states.prompt)
      )
      // Written so that a NaN is refused too.
      if (!(far <= limit)) {
        throw unsupported(
          `the bundle's backbone is not the checkpoint's: on the self-test's case ${index} their states differ by ${far.toPrecision(2)} of their norm, more than ${limit}`
        )
      }
    }
    cases.push({ ids, gateIndex, reward: await referenceHeads(weights, states.last, states.prompt) })
    onProgress((index + 1) / stored.length)
  }
  return { cases, backboneChecked }
}

/** @throws ArmormError unsupported_checkpoint when its shape is not that of the bundle's */
async function backboneOf(json: unknown, reader: SafetensorsReader, { backbone }: Manifest): Promise<ReferenceModel> {
  const config = parseConfig(json)
  checkTensors(reader, config)
  for (const [key, found, wanted] of [
    ['num_hidden_layers', config.layers, backbone.layers],
    ['vocab_size', config.vocabSize, backbone.vocab_size]
  ] as const) {
    if (found !== wanted) throw unsupported(`${key} ${found} is not the bundle's ${wanted}`)
  }
  return ReferenceModel.over(reader, config)
}

/** |a - b| / |b| */
function distance(a: Float64Array, b: Float64Array): number {
  const norm = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  return norm(a.map((value, i) => value - b[i]!)) / norm(b)
}

/** What the new heads.onnx gives for the bundle's own states. */
async function headsOver(folder: string, manifest: Manifest, states: readonly States[]): Promise<HeadOutputs> {
  const shape = [states.length, manifest.backbone.hidden_size]
  const rows = (key: keyof States) => ({ data: Float32Array.from(states.flatMap((each) => [...each[key]])), shape })
  const graph = await PlainGraph.open(folder, HEADS_FILE, 1)
  try {
    const outputs = await graph.run({ response_states: rows('last'), prompt_states: rows('prompt') })
    const output = (name: string) => outputs[name]!
    return {
      ratings: output('ratings'),
      gating: output('gating'),
      adjusted: output('adjusted'),
      score: output('score')
    }
  } finally {
    await graph.close()
  }
}

/**
 * The same bytes in the new folder. In place a second name for them does, as the old name goes; two bundles share no
 * file, so that neither changes with the other.
 */
async function takeFile(from: string, to: string, inPlace: boolean): Promise<void> {
  if (inPlace) {
    try {
      return await link(from, to)
    } catch {
      // Not every file system has second names.
    }
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE)
}

function unsupported(message: string): ArmormError {
  return new ArmormError('unsupported_checkpoint', message)
}
