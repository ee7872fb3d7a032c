/** llama.cpp through node-llama-cpp, in a process of its own: given token ids, one sequence at a time. */
import { join } from 'node:path'
import { HEADS_FILE } from '../../src/bundle/files.js'
import type { LlamaCppFiles } from '../peers/llama-cpp.js'
import { AskedProcess } from './asked-process.js'
import type { Contestant, Outcome, Work } from './contestant.js'
import type { FromLlamaCpp, ToLlamaCpp } from './llama-cpp-child.js'

export interface LlamaCppOptions extends LlamaCppFiles {
  /** Bundle that has the heads. */
  readonly folder: string
  readonly maxTokens: number
  readonly threads: number
}

export class LlamaCpp {
  readonly #process = new AskedProcess<ToLlamaCpp, FromLlamaCpp>('./llama-cpp-child.js')
  readonly #models: readonly string[]

  private constructor(models: readonly string[]) {
    this.#models = models
  }

  /** @throws Error when llama.cpp does not load here */
  static async start({ folder, module, models, maxTokens, threads }: LlamaCppOptions): Promise<LlamaCpp> {
    const peer = new LlamaCpp(Object.keys(models))
    try {
      const heads = join(folder, HEADS_FILE)
      await peer.#process.ask({ type: 'open', module, models, heads, maxTokens, threads })
      return peer
    } catch (error) {
      await peer.#process.close()
      throw error
    }
  }

  /** The contestants that this process plays, one a precision. */
  contestants(): Contestant[] {
    return this.#models.map((model) => ({
      name: `llama.cpp-${model}`,
      prepare: async (sample) => {
        await this.#run(model, sample)
        return null
      },
      score: (work) => this.#run(model, work),
      close: () => this.#process.close()
    }))
  }

  async #run(model: string, { groups }: Work): Promise<Outcome> {
    const sequences = groups.map((group) => group.map(({ ids, gateIndex }) => ({ ids, gateIndex })))
    const { seconds, cpuSeconds, scores } = await this.#process.ask({ type: 'run', model, groups: sequences })
    return { seconds: seconds!, cpuSeconds: cpuSeconds!, scores: scores! }
  }
}
