/** The ONNX Runtime sessions of one bundle. Nothing else touches ONNX Runtime. */
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { ArmormError } from '../errors.js'
import type { EngineSequence, ExecutionProvider, HeadOutputs, Outputs, StateOutputs } from './contract.js'
import { cascadeFeeds, type Feeds, rowFeeds, type Values } from './feeds.js'
import { packBatch, type PackedBatch } from './pack.js'

export interface SessionOptions {
  readonly folder: string
  readonly provider: ExecutionProvider
  /** Threads within one operator. */
  readonly threads: number
  /** Path prefix of the file into which ONNX Runtime writes the time of every operator, until `endProfile`. */
  readonly profile?: string
  /** Ids of the tokens that the bundle's manifest lists as `exact_tokens`. */
  readonly exactTokens: readonly number[]
}

/** What a graph computes from what. */
interface Contract {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

interface BackboneForm extends Contract {
  /** What the graph reads of a batch. */
  readonly feeds: (packed: PackedBatch, exact: ReadonlySet<number>) => Feeds
}

const CASCADE_INPUTS = ['token_ids', 'wanted', 'positions', 'rows', 'blocks', 'slots', 'wanted_rows', 'chunks']

/** The forms of a backbone that the exporter writes; a graph's inputs tell which one it is. */
const BACKBONE_FORMS: readonly BackboneForm[] = [
  { inputs: CASCADE_INPUTS, outputs: ['states'], feeds: (packed) => cascadeFeeds(packed, null) },
  { inputs: [...CASCADE_INPUTS, 'quantized'], outputs: ['states'], feeds: cascadeFeeds },
  { inputs: ['token_ids', 'wanted', 'rows', 'row_lengths', 'slots'], outputs: ['states'], feeds: rowFeeds }
]
const HEADS: Contract = {
  inputs: ['response_states', 'prompt_states'],
  outputs: ['ratings', 'gating', 'adjusted', 'score']
}

/** ONNX Runtime's errors come back as exceptions; printed besides they would be told twice, in a form of their own. */
const FATAL_ONLY = 4
ort.env.logLevel = 'fatal'
// Its Linux builds report usage unless told not to; read when the first session is made.
process.env.ORT_DISABLE_TELEMETRY = '1'

const TENSOR_TYPE = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int32Array: 'int32',
  BigInt64Array: 'int64'
} as const

function tensors(feeds: Feeds): Record<string, ort.Tensor> {
  const tensor = ({ data, shape }: Values) =>
    new ort.Tensor(TENSOR_TYPE[data.constructor.name as keyof typeof TENSOR_TYPE], data, shape)
  return Object.fromEntries(Object.entries(feeds).map(([name, values]) => [name, tensor(values)]))
}

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

function open(
  file: string,
  { folder, ...options }: Omit<SessionOptions, 'exactTokens'>
): Promise<ort.InferenceSession> {
  return create(file, (session) => ort.InferenceSession.create(join(folder, file), session), options)
}

interface GraphOptions extends Pick<SessionOptions, 'provider' | 'threads' | 'profile'> {
  /** Whether every run has inputs of the same shapes. */
  readonly sameShapes?: boolean
}

/** @param file name of the graph, for messages */
async function create(
  file: string,
  load: (options: ort.InferenceSession.SessionOptions) => Promise<ort.InferenceSession>,
  { provider, threads, profile, sameShapes = false }: GraphOptions
): Promise<ort.InferenceSession> {
  let session: ort.InferenceSession
  try {
    session = await load({
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Where shapes change with every batch, an arena would keep the memory of the longest conversation for good, and
      // saves no time.
      enableCpuMemArena: sameShapes,
      enableMemPattern: sameShapes,
      // Threads that wait for work by spinning take the cores from the tokenizer and HTTP, or a container's quota. And
      // without instructions for 8-bit dot products x86's 16-bit sums overflow; then weights are kept unsigned.
      extra: { session: { x64quantprecision: '1', intra_op: { allow_spinning: '0' } } },
      logSeverityLevel: FATAL_ONLY,
      ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile })
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
  return session
}

/** @throws ArmormError bundle_graph when the graph fits none of the contracts */
function contractOf<C extends Contract>(file: string, session: ort.InferenceSession, contracts: readonly C[]): C {
  const same = (found: readonly string[], wanted: readonly string[]) =>
    found.length === wanted.length && wanted.every((name) => found.includes(name))
  const contract = contracts.find(
    ({ inputs, outputs }) => same(session.inputNames, inputs) && same(session.outputNames, outputs)
  )
  if (contract) return contract
  const describe = (inputs: readonly string[], outputs: readonly string[]) =>
    `(${inputs.join(', ')}) -> (${outputs.join(', ')})`
  const wanted = contracts.map(({ inputs, outputs }) => describe(inputs, outputs)).join(' or ')
  throw new ArmormError(
    'bundle_graph',
    `${file} computes ${describe(session.inputNames, session.outputNames)}, not ${wanted}`,
    { file }
  )
}

/** What runs batches in the engine process. */
export interface Session {
  /** Runs one batch; blocks the thread while it computes. */
  run(batch: readonly EngineSequence[]): Promise<Outputs>
}

/** The backbone alone. */
export class StateSession implements Session {
  readonly #backbone: ort.InferenceSession
  readonly #form: BackboneForm
  readonly #exact: ReadonlySet<number>

  private constructor(backbone: ort.InferenceSession, form: BackboneForm, exactTokens: readonly number[]) {
    this.#backbone = backbone
    this.#form = form
    this.#exact = new Set(exactTokens)
  }

  /** @throws ArmormError provider_unavailable, bundle_graph */
  static async open(options: SessionOptions): Promise<StateSession> {
    checkProvider(options.provider)
    const backbone = await open('backbone.onnx', options)
    const form = contractOf('backbone.onnx', backbone, BACKBONE_FORMS)
    return new StateSession(backbone, form, options.exactTokens)
  }

  /** Writes what `profile` asked for. */
  endProfile(): void {
    this.#backbone.endProfiling()
  }

  async run(batch: readonly EngineSequence[]): Promise<StateOutputs> {
    const packed = packBatch(batch)
    const { states } = await this.#backbone.run(tensors(this.#form.feeds(packed, this.#exact)))
    const data = states!.data as Float32Array
    return { responseStates: data.subarray(0, data.length / 2), promptStates: data.subarray(data.length / 2) }
  }
}

/** The backbone and the heads. */
export class RewardSession implements Session {
  readonly #backbone: StateSession
  readonly #heads: ort.InferenceSession

  private constructor(backbone: StateSession, heads: ort.InferenceSession) {
    this.#backbone = backbone
    this.#heads = heads
  }

  /** @throws ArmormError provider_unavailable, bundle_graph */
  static async open(options: SessionOptions): Promise<RewardSession> {
    const backbone = await StateSession.open(options)
    // The heads are a few small products: a copy to a GPU would cost more than they do.
    const heads = await open('heads.onnx', { folder: options.folder, provider: 'cpu', threads: 1 })
    contractOf('heads.onnx', heads, [HEADS])
    return new RewardSession(backbone, heads)
  }

  /** Writes what `profile` asked for: the backbone's operators. */
  endProfile(): void {
    this.#backbone.endProfile()
  }

  async run(batch: readonly EngineSequence[]): Promise<HeadOutputs> {
    const { responseStates, promptStates } = await this.#backbone.run(batch)
    const shape = [batch.length, responseStates.length / batch.length]
    const outputs = await this.#heads.run({
      response_states: new ort.Tensor('float32', responseStates, shape),
      prompt_states: new ort.Tensor('float32', promptStates, shape)
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

/** A graph by itself, on the CPU: what the exporter measures calibration data with, and training multiplies with. */
export class PlainGraph {
  readonly #session: ort.InferenceSession

  private constructor(session: ort.InferenceSession) {
    this.#session = session
  }

  /** @throws ArmormError bundle_graph */
  static async open(folder: string, file: string, threads: number): Promise<PlainGraph> {
    return new PlainGraph(await open(file, { folder, provider: 'cpu', threads }))
  }

  /** @param model bytes of an ONNX file, named `name` in messages. @throws ArmormError bundle_graph */
  static async of(name: string, model: Uint8Array, threads: number): Promise<PlainGraph> {
    const load = (options: ort.InferenceSession.SessionOptions) => ort.InferenceSession.create(model, options)
    return new PlainGraph(await create(name, load, { provider: 'cpu', threads }))
  }

  /** Runs the graph on those of the feeds that it reads; its outputs are float32, by name. */
  async run(feeds: Feeds): Promise<Record<string, Float32Array>> {
    return (await this.#run(feeds)) as Record<string, Float32Array>
  }

  /** The same of a graph whose outputs are float64. */
  async runFloat64(feeds: Feeds): Promise<Record<string, Float64Array>> {
    return (await this.#run(feeds)) as Record<string, Float64Array>
  }

  async #run(feeds: Feeds): Promise<Record<string, ort.Tensor['data']>> {
    const read = new Set(this.#session.inputNames)
    const known = Object.fromEntries(Object.entries(feeds).filter(([name]) => read.has(name)))
    const outputs = await this.#session.run(tensors(known))
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]))
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

/** A tensor that a graph reads under one name and gives out, changed, under another. */
export interface StateTensor {
  readonly input: string
  readonly output: string
  readonly shape: readonly number[]
}

/**
 * A graph whose outputs become inputs of its next run, on the CPU: what trains. The tensors lie twice in memory, and each
 * run reads one set and writes the other in place, so that nothing is copied.
 */
export class StatefulGraph {
  readonly #session: ort.InferenceSession
  /** What the next run reads; its outputs are written to the other one. */
  #current: Record<string, ort.Tensor>
  #other: Record<string, ort.Tensor>

  private constructor(
    session: ort.InferenceSession,
    readonly state: readonly StateTensor[]
  ) {
    this.#session = session
    const zeros = () =>
      Object.fromEntries(
        state.map(({ input, shape }) => {
          const size = shape.reduce((product, axis) => product * axis, 1)
          return [input, new ort.Tensor('float32', new Float32Array(size), shape)]
        })
      )
    this.#current = zeros()
    this.#other = zeros()
  }

  /**
   * All tensors of the state are zero at first.
   * @param model bytes of an ONNX file, named `name` in messages; every run has inputs of the same shapes
   * @throws ArmormError bundle_graph
   */
  static async of(
    name: string,
    model: Uint8Array,
    state: readonly StateTensor[],
    threads: number
  ): Promise<StatefulGraph> {
    const load = (options: ort.InferenceSession.SessionOptions) => ort.InferenceSession.create(model, options)
    const session = await create(name, load, { provider: 'cpu', threads, sameShapes: true })
    return new StatefulGraph(session, state)
  }

  /** Values of a tensor of the state, by the name of its input; the run after the next one overwrites them. */
  get(input: string): Float32Array {
    return this.#current[input]!.data as Float32Array
  }

  /** @throws RangeError when the size is not the tensor's */
  set(input: string, values: Float32Array): void {
    const target = this.get(input)
    if (values.length !== target.length) throw new RangeError(`${input} has ${target.length} values`)
    target.set(values)
  }

  /** One run; its outputs that are not of the state are float32, by name. */
  async run(feeds: Feeds): Promise<Record<string, Float32Array>> {
    const next = Object.fromEntries(this.state.map(({ input, output }) => [output, this.#other[input]!]))
    const rest = this.#session.outputNames.filter((name) => !(name in next)).map((name) => [name, null] as const)
    const outputs = await this.#session.run(
      { ...tensors(feeds), ...this.#current },
      { ...next, ...Object.fromEntries(rest) }
    )
    ;[this.#current, this.#other] = [this.#other, this.#current]
    return Object.fromEntries(rest.map(([name]) => [name, outputs[name]!.data as Float32Array]))
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}
