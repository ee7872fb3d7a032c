/** Rates conversations by a bundle's model in their order, in memory that does not grow with their number. */
import type { Bundle } from '../bundle/load.js'
import { exactTokensOf } from '../bundle/manifest.js'
import { selfTestProof } from '../bundle/self-test.js'
import { inOrder } from '../data/in-order.js'
import { EngineSupervisor } from '../engine/supervisor.js'
import { usableThreads } from '../engine/threads.js'
import { ArmormError } from '../errors.js'
import { BatchQueue } from '../scheduling/batch-queue.js'
import type { HeadValues } from '../scheduling/rated-sequence.js'
import { bundleTokenizer } from '../scoring/bundle-tokenizer.js'
import { isFiniteReward } from '../scoring/finite.js'
import { isItemError } from '../scoring/reward.js'
import type { Conversation } from '../text/conversation.js'

/** Conversations under way: enough to fill batches, few enough that memory does not grow with the file. */
const UNDER_WAY = 256
const BATCH = { maxBatchTokens: 8192, maxBatchSequences: 64 }

/** A conversation and where it stands, `file:line`. */
export interface Placed {
  readonly place: string
  readonly conversation: Conversation
}

export interface RatedItem<T extends Placed> {
  readonly item: T
  readonly values: HeadValues
  /** Tokens that the model read. */
  readonly tokens: number
  readonly responseTokens: number
}

/**
 * Starts tokenizer workers and an engine, and ends them with the iteration, however that ends. Prompts that are too
 * long are cut from the left.
 * @param onRefused told of a conversation that cannot be rated, in its turn, which is then left out
 * @throws ArmormError invalid_data naming the place of a conversation that cannot be rated, where there is no
 *   `onRefused`; what keeps the bundle from being loaded; whatever `items` throws
 */
export async function* rateInOrder<T extends Placed>(
  bundle: Bundle,
  items: AsyncIterable<T>,
  onRefused?: (item: T, error: ArmormError) => void
): AsyncGenerator<RatedItem<T>> {
  const { folder, manifest } = bundle
  const threads = usableThreads()
  const tokenizer = await bundleTokenizer(bundle, { threads: Math.min(2, threads), deadlineMs: 60_000 })
  const engine = new EngineSupervisor({
    folder,
    provider: 'cpu',
    threads,
    exactTokens: exactTokensOf(manifest),
    proof: selfTestProof(manifest)
  })
  try {
    await engine.load()
    const queue = new BatchQueue(engine, { objectives: manifest.objectives.length, ...BATCH })
    const rate = async (item: T): Promise<RatedItem<T>> => {
      const { ids, gateIndex, promptTokens } = await tokenizer.encode(item.conversation, 'prompt_left')
      const values = await queue.rate({ ids, gateIndex })
      if (isFiniteReward(values)) {
        return { item, values, tokens: ids.length, responseTokens: ids.length - promptTokens }
      }
      throw new ArmormError('non_finite', 'the model produced a value that is not a finite number')
    }
    const attempt = async (item: T): Promise<RatedItem<T> | { item: T; refusal: ArmormError }> => {
      try {
        return await rate(item)
      } catch (error) {
        // The server's own fault is not the conversation's.
        if (!isItemError(error)) throw error
        return { item, refusal: error }
      }
    }
    for await (const rated of inOrder(items, UNDER_WAY, attempt)) {
      if (!('refusal' in rated)) yield rated
      else if (onRefused) onRefused(rated.item, rated.refusal)
      else {
        const { item, refusal } = rated
        throw new ArmormError('invalid_data', `${item.place}: ${refusal.code}: ${refusal.message}`, {}, refusal)
      }
    }
  } finally {
    await Promise.all([engine.close(), tokenizer.close()])
  }
}
