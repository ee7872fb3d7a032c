/** The ONNX Runtime sessions of one bundle. Nothing else touches ONNX Runtime. */
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { ArmormError } from '../errors.js'
import type { EngineSequence, ExecutionProvider, HeadOutputs } from './contract.js'
import { packBatch } from './pack.js'

export interface SessionOptions {
  readonly folder: string
  readonly provider: ExecutionProvider
  /** Threads within one operator. */
  readonly threads: number
}

const BACKBONE = { inputs: ['token_ids', 'rows', 'row_lengths', 'slots', 'wanted'], outputs: ['states'] }
const HEADS = { inputs: ['response_states', 'prompt_states'], outputs: ['ratings', 'gating', 'adjusted', 'score'] }

/** ONNX Runtime's errors come back as exceptions; printed besides they would be told twice, in a form of their own. */
const FATAL_ONLY = 4
ort.env.logLevel = 'fatal'
// Its Linux builds report usage unless told not to; read when the first session is made.
process.env.ORT_DISABLE_TELEMETRY = '1'

/** @throws ArmormError provider_unavailable, naming what this machine has instead */
function checkProvider(provider: ExecutionProvider): void {
  const available = ort.listSupportedBackends().map(({ name }) => name)
  if (available.includes(provider)) return
  throw new ArmormError(
    'provider_unavailable',
    `the ${provider} execution provider is not available in this installation of ONNX Runtime (it has: ${available.join(', ')})`,
    { provider, available }
  )
}

async function open(
  file: string,
  contract: typeof BACKBONE,
  { folder, provider, threads }: SessionOptions
): Promise<ort.InferenceSession> {
  let session: ort.InferenceSession
  try {
    session = await ort.InferenceSession.create(join(folder, file), {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Shapes change with every batch: an arena would keep the memory of the longest conversation for good, and
      // saves no time.
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: FATAL_ONLY
    })
  } catch (error) {
    // Some of ONNX Runtime's messages have several lines.
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim()
    if (provider !== 'cpu' && /cuda|provider/i.test(reason)) {
      throw new ArmormError('provider_unavailable', `the ${provider} execution provider does not start: ${reason}`, {
        provider
      })
    }
    throw new ArmormError('bundle_graph', `${file} does not load: ${reason}`, { file })
  }
  const same = (found: readonly string[], wanted: readonly string[]) =>
    found.length === wanted.length && wanted.every((name) => found.includes(name))
  if (!same(session.inputNames, contract.inputs) || !same(session.outputNames, contract.outputs)) {
    const describe = (inputs: readonly string[], outputs: readonly string[]) =>
      `(${inputs.join(', ')}) -> (${outputs.join(', ')})`
    throw new ArmormError(
      'bundle_graph',
      `${file} computes ${describe(session.inputNames, session.outputNames)}, not ${describe(contract.inputs, contract.outputs)}`,
      { file }
    )
  }
  return session
}

export class RewardSession {
  readonly #backbone: ort.InferenceSession
  readonly #heads: ort.InferenceSession

  private constructor(backbone: ort.InferenceSession, heads: ort.InferenceSession) {
    this.#backbone = backbone
    this.#heads = heads
  }

  /** @throws ArmormError provider_unavailable, bundle_graph */
  static async open(options: SessionOptions): Promise<RewardSession> {
    checkProvider(options.provider)
    const backbone = await open('backbone.onnx', BACKBONE, options)
    // The heads are a few small products: a copy to a GPU would cost more than they do.
    const heads = await open('heads.onnx', HEADS, { ...options, provider: 'cpu', threads: 1 })
    return new RewardSession(backbone, heads)
  }

  /** Runs one batch; blocks the thread while it computes. */
  async run(batch: readonly EngineSequence[]): Promise<HeadOutputs> {
    const packed = packBatch(batch)
    const tokens = packed.tokenIds.length
    const rows = packed.rowLengths.length
    const { states } = await this.#backbone.run({
      token_ids: new ort.Tensor('int64', packed.tokenIds, [tokens]),
      rows: new ort.Tensor('int64', packed.rows, [rows, packed.rowLength]),
      row_lengths: new ort.Tensor('int32', packed.rowLengths, [rows]),
      slots: new ort.Tensor('int64', packed.slots, [tokens]),
      wanted: new ort.Tensor('int64', packed.wanted, [2 * rows])
    })
    const data = states!.data as Float32Array
    const hidden = data.length / (2 * rows)
    const outputs = await this.#heads.run({
      response_states: new ort.Tensor('float32', data.subarray(0, rows * hidden), [rows, hidden]),
      prompt_states: new ort.Tensor('float32', data.subarray(rows * hidden), [rows, hidden])
    })
    const output = (name: string) => outputs[name]!.data as Float32Array
    return {
      ratings: output('ratings'),
      gating: output('gating'),
      adjusted: output('adjusted'),
      score: output('score')
    }
  }
}
