/** Entry of the process that runs llama.cpp: groups of conversations in, scores and times out. */
import { pathToFileURL } from 'node:url'
import * as ort from 'onnxruntime-node'

export type ToLlamaCpp =
  | {
      readonly type: 'open'
      /** Entry of node-llama-cpp. */
      readonly module: string
      /** GGUF files by name. */
      readonly models: Readonly<Record<string, string>>
      readonly heads: string
      readonly maxTokens: number
      readonly threads: number
    }
  | {
      readonly type: 'run'
      readonly model: string
      /** `[prompts][responses]` */
      readonly groups: readonly (readonly { readonly ids: Int32Array; readonly gateIndex: number }[])[]
    }

export interface FromLlamaCpp {
  readonly error?: string
  readonly seconds?: number
  readonly cpuSeconds?: number
  readonly scores?: readonly number[]
}

/** What is used of node-llama-cpp, which is no dependency: the bench installs it for itself. */
interface EmbeddingContext {
  getEmbeddingFor(ids: number[]): Promise<{ readonly vector: readonly number[] }>
}
interface NodeLlamaCpp {
  getLlama(options: object): Promise<{
    loadModel(options: {
      modelPath: string
    }): Promise<{ createEmbeddingContext(options: object): Promise<EmbeddingContext> }>
  }>
}

const contexts = new Map<string, EmbeddingContext>()
let heads: ort.InferenceSession | undefined

async function open(message: ToLlamaCpp & { type: 'open' }): Promise<void> {
  const { threads, maxTokens } = message
  const library = (await import(pathToFileURL(message.module).href)) as NodeLlamaCpp
  const llama = await library.getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: threads,
    logLevel: 'error'
  })
  for (const [name, modelPath] of Object.entries(message.models)) {
    const model = await llama.loadModel({ modelPath })
    // One more than a conversation may have; a whole conversation is one batch.
    const size = { contextSize: maxTokens + 1, batchSize: maxTokens + 1 }
    contexts.set(name, await model.createEmbeddingContext({ ...size, threads }))
  }
  heads = await ort.InferenceSession.create(message.heads, { intraOpNumThreads: threads })
}

/** State [hidden] of the last token. */
async function lastState(context: EmbeddingContext, ids: Int32Array): Promise<readonly number[]> {
  return (await context.getEmbeddingFor([...ids])).vector
}

/** One sequence at a time; the state at the gate position is computed once for neighbours that have the same prompt. */
async function run({ model, groups }: ToLlamaCpp & { type: 'run' }): Promise<number[]> {
  const context = contexts.get(model)!
  const [responses, prompts]: [(readonly number[])[], (readonly number[])[]] = [[], []]
  for (const group of groups) {
    let known: { readonly ids: Int32Array; readonly state: readonly number[] } | undefined
    for (const { ids, gateIndex } of group) {
      const prompt = ids.subarray(0, gateIndex + 1)
      if (known?.ids.length !== prompt.length || !known.ids.every((id, i) => id === prompt[i])) {
        known = { ids: prompt, state: await lastState(context, prompt) }
      }
      prompts.push(known.state)
      responses.push(await lastState(context, ids))
    }
  }
  const tensor = (states: readonly (readonly number[])[]) =>
    new ort.Tensor('float32', Float32Array.from(states.flat()), [states.length, states[0]!.length])
  const { score } = await heads!.run({ response_states: tensor(responses), prompt_states: tensor(prompts) })
  return [...(score!.data as Float32Array)]
}

async function handle(message: ToLlamaCpp): Promise<FromLlamaCpp> {
  if (message.type === 'open') {
    await open(message)
    return {}
  }
  const [started, cpu] = [performance.now(), process.cpuUsage()]
  const scores = await run(message)
  const { user, system } = process.cpuUsage(cpu)
  return { scores, seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }
}

process.on('message', (message: ToLlamaCpp) => {
  handle(message).then(
    (reply) => process.send!(reply),
    (error: unknown) => process.send!({ error: error instanceof Error ? error.message : String(error) })
  )
})
process.on('disconnect', () => process.exit(0))
