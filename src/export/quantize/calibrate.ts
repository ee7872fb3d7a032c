/** Runs calibration conversations through a folded backbone in float32, layer by layer, and measures. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineSequence } from '../../engine/contract.js'
import { cascadeFeeds, type Feeds } from '../../engine/feeds.js'
import { packBatch } from '../../engine/pack.js'
import { PlainGraph } from '../../engine/session.js'
import { usableThreads } from '../../engine/threads.js'
import { buildCalibrationLayer, GROUPS } from '../graph/calibration-layer.js'
import { arrangeQueries } from '../graph/query-heads.js'
import { ExternalDataWriter } from '../onnx/external-data.js'
import { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import type { FoldedBackbone } from './folded.js'
import { type LayerStatistics, StatisticsSum } from './statistics.js'

/** Tokens that are run at once. */
const BATCH_TOKENS = 2048

/**
 * Weight of the tokens whose states are wanted, all together, beside that of all tokens: rewards are read there and
 * nowhere else, and they are one in fifty. Half goes to the ends of answers, half to the gate positions.
 */
const WANTED_SHARE = 1

const GRAPH_FILE = 'layer.onnx'
const DATA_FILE = 'layer.onnx.data'

interface Batch {
  readonly feeds: Feeds
  readonly tokenIds: Int32Array
  /** Weight of all tokens, number of the quantized ones. */
  readonly tokens: { readonly all: number; readonly quantized: number }
  /** `[T, hidden]` states before the next layer. */
  residual: Float32Array
}

export interface CalibrationOptions {
  readonly folded: FoldedBackbone
  readonly sequences: readonly EngineSequence[]
  /** Ids of tokens that are not quantized. */
  readonly exactTokens: ReadonlySet<number>
  /** Folder for graphs of single layers; made, and removed by `close`. */
  readonly folder: string
  readonly maxTokens: number
}

export class Calibration {
  readonly #options: CalibrationOptions
  readonly #batches: readonly Batch[]
  #next = 0

  private constructor(options: CalibrationOptions, batches: readonly Batch[]) {
    this.#options = options
    this.#batches = batches
  }

  static async start(options: CalibrationOptions): Promise<Calibration> {
    const { folded, sequences, exactTokens, folder } = options
    await mkdir(folder, { recursive: true })
    const table = folded.embedding()
    const size = folded.config.hiddenSize
    const batches: Batch[] = []
    for (const group of grouped(sequences)) {
      const packed = packBatch(group)
      const feeds = cascadeFeeds(packed, null)
      const tokenIds = feeds['token_ids']!.data as Int32Array
      const residual = new Float32Array(tokenIds.length * size)
      for (let i = 0; i < tokenIds.length; i++) residual.set(await table.read(tokenIds[i]!, 1), i * size)
      const real = packed.tokenIds.length
      const weights = new Float32Array(2 * tokenIds.length).fill(1, 0, real)
      weighWanted(weights, real, feeds['wanted']!.data as Int32Array)
      const all = weights.subarray(0, real).reduce((sum, weight) => sum + weight, 0)
      let quantized = 0
      for (let i = 0; i < real; i++) {
        if (exactTokens.has(tokenIds[i]!)) continue
        weights[tokenIds.length + i] = 1
        quantized++
      }
      batches.push({
        feeds: {
          ...feeds,
          weights: { data: weights, shape: [2, tokenIds.length] }
        },
        tokenIds,
        tokens: { all, quantized },
        residual
      })
    }
    return new Calibration(options, batches)
  }

  /** Statistics of the next layer; the states move on past it. */
  async layer(): Promise<LayerStatistics> {
    const { folded, folder, maxTokens } = this.#options
    const layer = this.#next++
    const graph = new GraphBuilder('layer')
    const data = await ExternalDataWriter.create(join(folder, DATA_FILE), DATA_FILE)
    try {
      const sink = { graph, data, computeType: DataType.FLOAT, onProgress: () => undefined, lossless: true }
      await buildCalibrationLayer(sink, folded, layer, arrangeQueries(folded.config), maxTokens)
    } finally {
      await data.close()
    }
    await writeFile(join(folder, GRAPH_FILE), graph.encode(''))
    const { hiddenSize } = folded.config
    const sums = new Map(GROUPS.map((name) => [name, new StatisticsSum(hiddenSize)]))
    const session = await PlainGraph.open(folder, GRAPH_FILE, usableThreads())
    try {
      for (const batch of this.#batches) {
        const residual = { data: batch.residual, shape: [batch.residual.length / hiddenSize, hiddenSize] }
        const outputs = await session.run({ ...batch.feeds, residual })
        for (const [name, sum] of sums) {
          sum.add(batch.tokens, outputs[`${name}_sums`]!, outputs[`${name}_products`])
        }
        batch.residual = outputs['residual_out']!.slice()
      }
    } finally {
      await session.close()
    }
    return { q: sums.get('q')!.finish(), gateUp: sums.get('gateUp')!.finish() }
  }

  /** States of the packed tokens of each batch before the next layer, `[T, hidden]`. */
  states(): { readonly tokenIds: Int32Array; readonly residual: Float32Array }[] {
    return this.#batches.map(({ tokenIds, residual }) => ({ tokenIds, residual }))
  }

  async close(): Promise<void> {
    await rm(this.#options.folder, { recursive: true, force: true })
  }
}

/**
 * Gives the wanted tokens of a batch their share.
 * @param weights `[tokens]` and more, of all tokens
 * @param wanted `[2 B]` tokens that end answers, then those at gate positions
 */
function weighWanted(weights: Float32Array, tokens: number, wanted: Int32Array): void {
  for (const kind of [wanted.subarray(0, wanted.length / 2), wanted.subarray(wanted.length / 2)]) {
    const distinct = new Set(kind)
    for (const token of distinct) weights[token] = ((WANTED_SHARE / 2) * tokens) / distinct.size
  }
}

/** Neighbours together, up to BATCH_TOKENS; what a sequence shares with the one before it is computed once. */
function grouped(sequences: readonly EngineSequence[]): EngineSequence[][] {
  const groups: EngineSequence[][] = []
  let tokens = Infinity
  for (const sequence of sequences) {
    const before = groups.at(-1)?.at(-1)
    const own = sequence.ids.length - (before ? sharedStart(before.ids, sequence.ids) : 0)
    if (tokens + own > BATCH_TOKENS) {
      groups.push([])
      tokens = sequence.ids.length
    } else tokens += own
    groups.at(-1)!.push(sequence)
  }
  return groups
}

/** Number of ids that two sequences begin with in common. */
function sharedStart(a: Int32Array, b: Int32Array): number {
  const end = Math.min(a.length, b.length)
  let shared = 0
  while (shared < end && a[shared] === b[shared]) shared++
  return shared
}
