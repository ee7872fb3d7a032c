/** Runs calibration conversations through a folded backbone in float32, layer by layer, and measures. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineSequence } from '../../engine/contract.js'
import { cascadeFeeds, type Feeds } from '../../engine/feeds.js'
import { packBatch } from '../../engine/pack.js'
import { PlainGraph } from '../../engine/session.js'
import { usableThreads } from '../../engine/threads.js'
import { buildCalibrationLayer, type GroupName, GROUPS } from '../graph/calibration-layer.js'
import { arrangeQueries } from '../graph/query-heads.js'
import { ExternalDataWriter } from '../onnx/external-data.js'
import { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import type { FoldedBackbone } from './folded.js'
import { attendedShift, shiftOf } from './quantize-layer.js'
import { type LayerStatistics, StatisticsSum } from './statistics.js'

/** Tokens that are run at once. */
const BATCH_TOKENS = 2048

const GRAPH_FILE = 'layer.onnx'
const DATA_FILE = 'layer.onnx.data'

interface Batch {
  readonly feeds: Feeds
  readonly tokenIds: Int32Array
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
        tokens: { all: real, quantized },
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
    const { hiddenSize, heads, headDim, intermediateSize } = folded.config
    const widths: Record<GroupName, number> = {
      qkv: hiddenSize,
      o: heads * headDim,
      gateUp: hiddenSize,
      down: intermediateSize
    }
    const names = Object.keys(GROUPS) as GroupName[]
    const sums = new Map(names.map((name) => [name, new StatisticsSum(widths[name])]))
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
    const qkv = sums.get('qkv')!.finish('mean')
    const values = shiftOf(await folded.matrix(layer, 'v_proj'), qkv.mean)
    return {
      qkv,
      // Attention's output comes without what the values' mean adds to it.
      o: sums.get('o')!.finish(attendedShift(folded.config, values)),
      gateUp: sums.get('gateUp')!.finish('mean'),
      down: sums.get('down')!.finish('mean')
    }
  }

  /** States of the packed tokens of each batch before the next layer, `[T, hidden]`. */
  states(): { readonly tokenIds: Int32Array; readonly residual: Float32Array }[] {
    return this.#batches.map(({ tokenIds, residual }) => ({ tokenIds, residual }))
  }

  async close(): Promise<void> {
    await rm(this.#options.folder, { recursive: true, force: true })
  }
}

/** Neighbours together, up to BATCH_TOKENS. */
function grouped(sequences: readonly EngineSequence[]): EngineSequence[][] {
  const groups: EngineSequence[][] = []
  let tokens = Infinity
  for (const sequence of sequences) {
    if (tokens + sequence.ids.length > BATCH_TOKENS) {
      groups.push([])
      tokens = 0
    }
    groups.at(-1)!.push(sequence)
    tokens += sequence.ids.length
  }
  return groups
}
