/** Whoever scores the conversations of a load, and what that took. */
import type { Message } from '../../src/text/conversation.js'

/** One conversation, as text and as the model's token ids. */
export interface BenchConversation {
  readonly messages: readonly Message[]
  readonly ids: Int32Array
  readonly gateIndex: number
  readonly promptTokens: number
}

/** The conversations of one load in one round. */
export interface Work {
  readonly load: string
  /** `[prompts][responses]` */
  readonly groups: readonly (readonly BenchConversation[])[]
}

export interface Outcome {
  readonly seconds: number
  /** Processor time of all processes that take part; null where it is not known. */
  readonly cpuSeconds: number | null
  /** In the order of `work.groups`, flat. */
  readonly scores: readonly number[]
}

export interface Contestant {
  readonly name: string
  /** Loads that it takes part in; all where undefined. */
  readonly loads?: readonly string[]
  /**
   * Runs a few conversations before the rounds: warms up, and chooses what is to be chosen for this load; not thorough:
   * among fewer ways, each tried once.
   * @returns what was chosen, in words; null where there was no choice
   */
  prepare(sample: Work, thorough: boolean): Promise<string | null>
  score(work: Work): Promise<Outcome>
  close(): Promise<void>
}

export const tokensOf = (work: Work): number => work.groups.flat().reduce((sum, { ids }) => sum + ids.length, 0)

/** The fastest of several ways to run a sample, judged by the best of as many tries, in turn. */
export async function fastest<T>(ways: readonly T[], tries: number, seconds: (way: T) => Promise<number>): Promise<T> {
  const times = ways.map(() => Infinity)
  for (let attempt = 0; attempt < tries; attempt++) {
    for (const [i, way] of ways.entries()) times[i] = Math.min(times[i]!, await seconds(way))
  }
  return ways[times.indexOf(Math.min(...times))] as T
}
