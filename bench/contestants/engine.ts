/** The engine alone, in a process of its own: no HTTP, no tokenizer, no queue. What the hardware gives. */
import { loadBundle } from '../../src/bundle/load.js'
import { exactTokensOf } from '../../src/bundle/manifest.js'
import { AskedProcess } from './asked-process.js'
import { type BenchConversation, type Contestant, fastest, type Outcome, type Work } from './contestant.js'
import type { FromEngineChild, ToEngineChild } from './engine-child.js'

/** Tokens of a batch, shared prompts counted once, that are tried; 0: one conversation at a time. */
const BUDGETS = [0, 1024, 2048, 4096, 8192]
const QUICK_BUDGETS = [0, 2048]

/**
 * Batches as an ideal planner forms them: responses to one prompt together, conversations of similar length together,
 * `budget` tokens at most, a prompt that a batch shares counted once.
 * @returns indices into the flat conversations of the work
 */
export function planBatches(groups: Work['groups'], budget: number): number[][] {
  let next = 0
  const members = groups.map((conversations) => conversations.map((conversation) => ({ conversation, index: next++ })))
  if (budget === 0) return members.flat().map(({ index }) => [index])
  const longest = (group: (typeof members)[number]) =>
    Math.max(...group.map(({ conversation }) => conversation.ids.length))
  const batches: number[][] = []
  let left = 0
  for (const group of [...members].sort((a, b) => longest(a) - longest(b))) {
    const shared = group[0]!.conversation.promptTokens
    let open = false // Whether the batch at the end has the prompt of this group already.
    for (const { conversation, index } of group) {
      const cost = conversation.ids.length - (open ? shared : 0)
      if (batches.length === 0 || cost > left) {
        batches.push([])
        left = budget - conversation.ids.length
      } else left -= cost
      open = true
      batches.at(-1)!.push(index)
    }
  }
  return batches
}

export class EngineAlone implements Contestant {
  readonly #process = new AskedProcess<ToEngineChild, FromEngineChild>('./engine-child.js')
  readonly #budgets = new Map<string, number>()

  private constructor(readonly name: string) {}

  /** @throws Error when the bundle does not load */
  static async start(folder: string, threads: number, name = 'engine'): Promise<EngineAlone> {
    const { manifest } = await loadBundle(folder)
    const exactTokens = exactTokensOf(manifest)
    const engine = new EngineAlone(name)
    try {
      await engine.#process.ask({ type: 'open', options: { folder, provider: 'cpu', threads, exactTokens } })
      return engine
    } catch (error) {
      await engine.close()
      throw error
    }
  }

  async prepare(sample: Work, thorough: boolean): Promise<string> {
    const ways = thorough ? BUDGETS : QUICK_BUDGETS
    const budget = await fastest(ways, thorough ? 2 : 1, async (way) => (await this.#run(sample, way)).seconds)
    this.#budgets.set(sample.load, budget)
    return budget === 0 ? 'one by one' : `batches of up to ${budget} tokens, shared ones counted once`
  }

  score(work: Work): Promise<Outcome> {
    return this.#run(work, this.#budgets.get(work.load) ?? 0)
  }

  /** Seconds of one conversation alone, and its score. */
  async single({ ids, gateIndex }: BenchConversation): Promise<{ seconds: number; score: number }> {
    const { seconds, scores } = await this.#process.ask({ type: 'run', batches: [[{ ids, gateIndex }]] })
    return { seconds: seconds![0]!, score: scores![0]![0]! }
  }

  async #run(work: Work, budget: number): Promise<Outcome> {
    const conversations = work.groups.flat()
    const plan = planBatches(work.groups, budget)
    const batches = plan.map((batch) =>
      batch.map((index) => {
        const { ids, gateIndex } = conversations[index]!
        return { ids, gateIndex }
      })
    )
    const reply = await this.#process.ask({ type: 'run', batches })
    const scores = new Array<number>(conversations.length)
    plan.forEach((batch, b) => batch.forEach((index, i) => (scores[index] = reply.scores![b]![i]!)))
    return { seconds: reply.seconds!.reduce((sum, s) => sum + s, 0), cpuSeconds: reply.cpuSeconds!, scores }
  }

  close(): Promise<void> {
    return this.#process.close()
  }
}
