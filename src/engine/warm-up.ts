/** Measures, once, how large a batch has to be: synthetic batches of doubling size. */
import type { EngineCapacity, EngineSequence } from './contract.js'

export interface WarmUpOptions {
  /** Ids are below this. */
  readonly vocabSize: number
  /** Tokens of the longest conversation. */
  readonly maxTokens: number
  /** No batch is larger. */
  readonly maxBatchTokens: number
  readonly maxBatchSequences: number
  /** Milliseconds that the measurement may take, as far as it can be foreseen. */
  readonly budgetMs: number
}

/** A batch that was timed. */
export interface Timed {
  readonly tokens: number
  readonly ms: number
}

const SMALLEST = 16
/** Tokens of a synthetic sequence: a prompt and a response of common length. Longer ones would measure attention. */
const SEQUENCE_TOKENS = 512
/** A larger batch has to be faster per token by this factor to be worth the wait. */
const PAYS = 1.05
/** Runs of one size, of which the fastest counts, as long as they take no more than this part of the budget. */
const RUNS = 3
const RUNS_PART = 0.1

/**
 * The smallest batch that no larger one beats by more than 5 % in tokens per second.
 * @param timed - at least one, sizes rising
 */
export function chooseTarget(timed: readonly Timed[]): EngineCapacity {
  const rates = timed.map(({ tokens, ms }) => (1000 * tokens) / ms)
  const best = Math.max(...rates)
  const index = rates.findIndex((rate) => rate * PAYS >= best)
  const chosen = timed[index]
  if (!chosen) throw new RangeError('nothing was timed')
  return { targetTokens: chosen.tokens, tokensPerSecond: rates[index]! }
}

/**
 * Runs batches of 16, 32, 64, ... distinct tokens, until the largest allowed, the end of the budget, or a batch that
 * the engine refuses (a device may have no memory for it).
 * @param run - runs a batch
 * @param now - clock in milliseconds
 * @throws what `run` throws on the smallest batch
 */
export async function measureCapacity(
  run: (batch: readonly EngineSequence[]) => Promise<unknown>,
  options: WarmUpOptions,
  now = () => performance.now()
): Promise<EngineCapacity> {
  const { budgetMs, maxBatchTokens } = options
  const began = now()
  const timed: Timed[] = []
  const time = async (batch: readonly EngineSequence[]): Promise<number> => {
    const start = now()
    await run(batch)
    // A clock may stand still for a batch of nothing.
    return Math.max(now() - start, 1e-3)
  }
  for (let tokens = Math.min(SMALLEST, maxBatchTokens); ; tokens = Math.min(2 * tokens, maxBatchTokens)) {
    const batch = syntheticBatch(tokens, options)
    if (batch === null) break
    let ms: number
    try {
      ms = await time(batch)
      for (let runs = 1; runs < RUNS && (runs + 1) * ms <= RUNS_PART * budgetMs; runs++) {
        ms = Math.min(ms, await time(batch))
      }
    } catch (error) {
      if (timed.length === 0) throw error
      break
    }
    timed.push({ tokens, ms })
    const ends = now() - began + 2 * ms
    if (tokens >= maxBatchTokens || ends > budgetMs) break
  }
  return chooseTarget(timed)
}

/**
 * Sequences of so many tokens in all, the prompt's part of each as long as the response's.
 * @returns null where that takes more sequences than a batch may have
 */
export function syntheticBatch(
  tokens: number,
  { vocabSize, maxTokens, maxBatchSequences }: Pick<WarmUpOptions, 'vocabSize' | 'maxTokens' | 'maxBatchSequences'>
): EngineSequence[] | null {
  const length = Math.min(SEQUENCE_TOKENS, maxTokens)
  const rows = Math.ceil(tokens / length)
  if (rows > maxBatchSequences) return null
  return Array.from({ length: rows }, (_, row) => {
    const own = Math.min(length, tokens - row * length)
    // The number of the row in front keeps the rows from sharing tokens.
    const ids = Int32Array.from({ length: own }, (_, i) => Math.floor(row / vocabSize ** i) % vocabSize)
    return { ids, gateIndex: (own - 1) >> 1 }
  })
}
