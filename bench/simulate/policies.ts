/** Ways to choose the next batch of a GPU: the server's own planner, and what it is held against. */
import { type BatchLimits, planBatch, type Waiting } from '../../src/scheduling/plan-batch.js'
import { chooseTarget } from '../../src/engine/warm-up.js'
import type { BatchWork } from '../../src/plan/batch-cost.js'
import { batchMs } from './gpu.js'

export interface Policy {
  readonly name: string
  /** @returns the batch, never empty, and what stays in order of arrival */
  readonly plan: <T extends Waiting>(waiting: readonly T[]) => { batch: readonly T[]; rest: T[] }
  readonly work: (batch: readonly Waiting[]) => BatchWork
}

/** The defaults of the server. */
const MAX_TOKENS = 8192
const MAX_SEQUENCES = 64
const REACH = 8 * MAX_TOKENS
/** Rows of a padded batch: a common fixed size. */
const PADDED_ROWS = 32

/** As the warm-up would measure it: doubling batches of sequences of 512 tokens. */
function target(): number {
  const timed = []
  for (let tokens = 16; tokens <= MAX_TOKENS; tokens *= 2) {
    timed.push({ tokens, ms: batchMs({ tokens, squares: tokens * Math.min(tokens, 512) }) })
  }
  return chooseTarget(timed).targetTokens
}

export const LIMITS: BatchLimits = {
  targetTokens: target(),
  maxTokens: MAX_TOKENS,
  maxSequences: MAX_SEQUENCES,
  reach: REACH,
  urgentMs: 0
}

/** No padding, each prompt once; attention reads whole rows all the same. */
function packedWork(batch: readonly Waiting[]): BatchWork {
  const prompts = new Set<number>()
  let tokens = 0
  let squares = 0
  for (const item of batch) {
    tokens += prompts.has(item.promptKey) ? item.tokens - item.promptTokens : item.tokens
    prompts.add(item.promptKey)
    squares += item.tokens ** 2
  }
  return { tokens, squares }
}

/** Every row as long as the longest. */
function paddedWork(batch: readonly Waiting[]): BatchWork {
  const longest = batch.reduce((most, { tokens }) => Math.max(most, tokens), 0)
  return { tokens: batch.length * longest, squares: batch.length * longest ** 2 }
}

export const POLICIES: readonly Policy[] = [
  { name: 'planner', plan: (waiting) => planBatch(waiting, LIMITS, 0), work: packedWork },
  {
    // The same engine, and nothing else: what the choice of batches adds to it.
    name: 'FIFO, packed and shared',
    plan: (waiting) => {
      let count = 1
      while (count < Math.min(waiting.length, MAX_SEQUENCES)) {
        if (packedWork(waiting.slice(0, count + 1)).tokens > LIMITS.targetTokens) break
        count++
      }
      return { batch: waiting.slice(0, count), rest: waiting.slice(count) }
    },
    work: packedWork
  },
  {
    name: `FIFO, ${PADDED_ROWS} padded`,
    plan: (waiting) => ({ batch: waiting.slice(0, PADDED_ROWS), rest: waiting.slice(PADDED_ROWS) }),
    work: paddedWork
  },
  {
    // All that waits, sorted and cut into batches; that of the oldest goes, so that nobody waits for ever.
    name: `by length, ${PADDED_ROWS} padded`,
    plan: (waiting) => {
      const sorted = [...waiting].sort((a, b) => a.tokens - b.tokens)
      const from = PADDED_ROWS * Math.floor(sorted.indexOf(waiting[0]!) / PADDED_ROWS)
      const batch = sorted.slice(from, from + PADDED_ROWS)
      const taken = new Set(batch)
      return { batch, rest: waiting.filter((item) => !taken.has(item)) }
    },
    work: paddedWork
  }
]
