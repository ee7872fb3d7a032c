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

/** A conversation, or what keeps it from being one. */
export interface Tried {
  readonly conversation: Conversation | ArmormError
}

export interface RatedItem<T> {
  readonly item: T
  readonly values: HeadValues
  /** Tokens that the model read. */
  readonly tokens: number
  readonly responseTokens: number
}

/** One that cannot be rated. */
export interface RefusedItem<T> {
  readonly item: T
  readonly refusal: ArmormError
}

/**
 * As `tryInOrder`, without those that cannot be rated.
 * @param onRefused told of a conversation that cannot be rated, in its turn, which is then left out
 * @throws ArmormError invalid_data naming the place of a conversation that cannot be rated, where there is no
 *   `onRefused`; what keeps the bundle from being loaded; whatever `items` throws
 */
export async function* rateInOrder<T extends Placed>(
  bundle: Bundle,
  items: AsyncIterable<T>,
  onRefused?: (item: T, error: ArmormError) => void
): AsyncGenerator<RatedItem<T>> {
  for await (const rated of tryInOrder(bundle, items)) {
    if (!('refusal' in rated)) yield rated
    else if (onRefused) onRefused(rated.item, rated.refusal)
    else {
      const { item, refusal } = rated
      throw new ArmormError('invalid_data', `${item.place}: ${refusal.code}: ${refusal.message}`, {}, refusal)
    }
  }
}

/**
 * Starts tokenizer workers and an engine, and ends them with the iteration, however that ends. Prompts that are too
 * long are cut from the left.
 * @throws ArmormError what keeps the bundle from being loaded; whatever `items` throws
 */
export async function* tryInOrder<T extends Tried>(
  bundle: Bundle,
  items: AsyncIterable<T>
): AsyncGenerator<RatedItem<T> | RefusedItem<T>> {
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
    const rate = async (item: T, conversation: Conversation): Promise<RatedItem<T>> => {
      const { ids, gateIndex, promptTokens } = await tokenizer.encode(conversation, 'prompt_left')
      const values = await queue.rate({ ids, gateIndex })
      if (isFiniteReward(values)) {
        return { item, values, tokens: ids.length, responseTokens: ids.length - promptTokens }
      }
      throw new ArmormError('non_finite', 'the model produced a value that is not a finite number')
    }
    const attempt = async (item: T): Promise<RatedItem<T> | RefusedItem<T>> => {
      const { conversation } = item
      if (conversation instanceof ArmormError) return { item, refusal: conversation }
      try {
        return await rate(item, conversation)
      } catch (error) {
        // The server's own fault is not the conversation's.
        if (!isItemError(error)) throw error
        return { item, refusal: error }
      }
    }
    yield* inOrder(items, UNDER_WAY, attempt)
  } finally {
    await Promise.all([engine.close(), tokenizer.close()])
  }
}
