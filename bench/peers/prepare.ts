/** What the peers need before they start. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bundle } from '../../src/bundle/load.js'
import { exportBundle } from '../../src/export/export-bundle.js'
import { rebuildCheckpoint } from '../../src/export/rebuild/rebuild.js'
import { messageOf } from '../command-line.js'
import type { BenchOptions } from '../options.js'
import { type LlamaCppFiles, prepareLlamaCpp } from './llama-cpp.js'
import { run } from './run.js'
import { pythonVersions, virtualEnvironment } from './virtual-environment.js'

/** Compiled, this file lies in build/bench/peers. Git ignores build. */
const SCRATCH = fileURLToPath(new URL('../../bench-peers/', import.meta.url))
const EXPORT_ONNX = fileURLToPath(new URL('../../../bench/peers/export_onnx.py', import.meta.url))

/** What the peers need. Each null where it cannot be had. */
export interface Peers {
  readonly int8Bundle: string | null
  readonly plainBundle: string | null
  /** What torch.onnx.export made of the backbone. */
  readonly plainBackbone: string | null
  readonly llamaCpp: LlamaCppFiles | null
  readonly checkpoint: string | null
  readonly python: string | null
  readonly versions: (readonly [string, string])[]
}

/**
 * Makes what the contestants that were asked for need.
 * @param skipped gets a line for each peer that cannot take part, and why
 */
export async function preparePeers(
  options: BenchOptions,
  { manifest }: Bundle,
  skipped: string[],
  tell: (line: string) => void
): Promise<Peers> {
  const none: Peers = {
    int8Bundle: null,
    plainBundle: null,
    plainBackbone: null,
    llamaCpp: null,
    checkpoint: null,
    python: null,
    versions: []
  }
  const wanted = {
    int8: options.wants('int8'),
    pytorch: options.wants('pytorch'),
    plain: options.wants('plain'),
    llamaCpp: options.wants('llama.cpp')
  }
  if (!Object.values(wanted).includes(true)) return none
  const folder = join(SCRATCH, manifest.model.revision)
  await mkdir(folder, { recursive: true })
  const checkpoint = options.checkpoint ?? join(folder, 'checkpoint')
  try {
    if (options.checkpoint === null) await rebuildCheckpoint(options.model, checkpoint)
  } catch (error) {
    skipped.push(
      `int8, PyTorch, llama.cpp and the plain server: ${messageOf(error)}; name the checkpoint with \`--checkpoint\``
    )
    return none
  }
  const peers = { ...none, checkpoint }
  const exported = async (precision: 'fp32' | 'int8'): Promise<string> => {
    const out = join(folder, precision)
    tell(`exporting the checkpoint's ${precision} bundle`)
    await exportBundle({
      checkpoint,
      out,
      precision,
      objectives: manifest.objectives.map(({ name }) => name),
      replace: true,
      maxTokens: manifest.max_tokens,
      ...(manifest.gate.pattern ? { gatePattern: manifest.gate.pattern } : {})
    })
    return out
  }
  if (wanted.int8) peers.int8Bundle = await exported('int8')
  try {
    peers.python = options.python ?? (await virtualEnvironment(tell))
    peers.versions = await pythonVersions(peers.python)
  } catch (error) {
    peers.python = null
    if (wanted.pytorch) skipped.push(`PyTorch: ${messageOf(error)}`)
    if (wanted.llamaCpp) skipped.push(`llama.cpp: its GGUF file needs Python: ${messageOf(error)}`)
  }
  if (wanted.plain) {
    peers.plainBundle = await exported('fp32')
    if (peers.python !== null) {
      tell("exporting the plain server's backbone with torch.onnx.export")
      peers.plainBackbone = await exportBackbone(peers.python, checkpoint, folder, tell)
    }
  }
  if (wanted.llamaCpp && peers.python !== null) {
    try {
      const precisions = ['f32', 'bf16'].filter((precision) => !options.leftOut.includes(`llama.cpp-${precision}`))
      peers.llamaCpp = await prepareLlamaCpp(peers.python, checkpoint, folder, precisions, tell)
      peers.versions = [...peers.versions, ['node-llama-cpp', peers.llamaCpp.version]]
    } catch (error) {
      skipped.push(`llama.cpp: ${messageOf(error)}`)
    }
  }
  return peers
}

/** @returns path of the graph; null, told why, where it cannot be exported */
async function exportBackbone(
  python: string,
  checkpoint: string,
  scratch: string,
  tell: (line: string) => void
): Promise<string | null> {
  const folder = join(scratch, 'torch-onnx')
  const graph = join(folder, 'backbone.onnx')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  try {
    await run(python, [EXPORT_ONNX, checkpoint, graph], 'torch.onnx.export fails')
    return graph
  } catch (error) {
    tell(messageOf(error))
    return null
  }
}
