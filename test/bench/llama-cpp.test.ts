import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import t from 'tap'
import type { BenchConversation } from '../../bench/contestants/contestant.js'
import { LlamaCpp } from '../../bench/contestants/llama-cpp.js'
import { loadBundle } from '../../src/bundle/load.js'

/** Stands for node-llama-cpp: a state tells the model, the number of tokens and the last one. Calls go to a file. */
function standIn(calls: string, hidden: number): string {
  return `
    import { appendFileSync } from 'node:fs'
    export const getLlama = async () => ({
      loadModel: async ({ modelPath }) => ({
        createEmbeddingContext: async ({ threads }) => ({
          getEmbeddingFor: async (ids) => {
            if (threads !== 3) throw new Error('threads')
            appendFileSync(${JSON.stringify(calls)}, ids.length + '\\n')
            const sign = modelPath.endsWith('b.gguf') ? -1 : 1
            return { vector: Array.from({ length: ${hidden} }, (_, i) => sign * Math.sin(i + ids.length + 10 * ids.at(-1))) }
          }
        })
      })
    })`
}

const state = (hidden: number, length: number, last: number, sign = 1) =>
  Float32Array.from({ length: hidden }, (_, i) => sign * Math.sin(i + length + 10 * last))

t.test(
  'llama.cpp gives the state of the last token; prompts are run once for the responses that share them',
  async (t) => {
    const { folder, manifest } = await loadBundle('models/default')
    const hidden = manifest.backbone.hidden_size
    const dir = t.testdir({ calls: '' })
    const calls = join(dir, 'calls')
    const module = join(dir, 'index.mjs')
    appendFileSync(module, standIn(calls, hidden))
    const peer = await LlamaCpp.start({
      module,
      models: { f32: 'a.gguf', bf16: 'b.gguf' },
      version: '0',
      folder,
      maxTokens: 100,
      threads: 3
    })
    const [first, second] = peer.contestants()
    t.teardown(() => Promise.all([first!.close(), second!.close()]))
    t.strictSame([first!.name, second!.name], ['llama.cpp-f32', 'llama.cpp-bf16'])

    const conversation = (ids: number[], gateIndex: number): BenchConversation => ({
      messages: [],
      ids: Int32Array.from(ids),
      gateIndex,
      promptTokens: gateIndex + 1
    })
    const work = {
      load: 'made',
      groups: [
        [conversation([1, 2, 3, 4], 1), conversation([1, 2, 5, 6, 7], 1)],
        [conversation([1, 3, 3, 4], 1), conversation([1, 3, 3, 4, 5, 6], 2)]
      ]
    }
    const heads = await ort.InferenceSession.create(join(folder, 'heads.onnx'))
    const expected = async (response: Float32Array, prompt: Float32Array) => {
      const tensor = (values: Float32Array) => new ort.Tensor('float32', values, [1, hidden])
      const { score } = await heads.run({ response_states: tensor(response), prompt_states: tensor(prompt) })
      return (score!.data as Float32Array)[0]!
    }
    const { scores, cpuSeconds } = await first!.score(work)
    t.strictSame(readFileSync(calls, 'utf8').trim().split('\n'), ['2', '4', '5', '2', '4', '3', '6'])
    t.ok(cpuSeconds! >= 0)
    const wanted = [
      await expected(state(hidden, 4, 4), state(hidden, 2, 2)),
      await expected(state(hidden, 5, 7), state(hidden, 2, 2)),
      await expected(state(hidden, 4, 4), state(hidden, 2, 3)),
      await expected(state(hidden, 6, 6), state(hidden, 3, 3))
    ]
    t.equal(new Set(wanted).size, 4)
    for (const [i, score] of scores.entries()) t.ok(Math.abs(score - wanted[i]!) < 1e-5, `score ${i}`)
    const other = await second!.score({ load: 'made', groups: [[conversation([1, 2, 3, 4], 1)]] })
    const negative = await expected(state(hidden, 4, 4, -1), state(hidden, 2, 2, -1))
    t.ok(Math.abs(other.scores[0]! - negative) < 1e-5, 'the other model')
  }
)

t.test('a package that does not load is said', async (t) => {
  const { folder } = await loadBundle('models/default')
  const options = {
    module: join(t.testdir(), 'none.mjs'),
    models: {},
    version: '0',
    folder,
    maxTokens: 100,
    threads: 1
  }
  await t.rejects(LlamaCpp.start(options), /none\.mjs/)
})
