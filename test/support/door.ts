/** The server's own way into a queue, as `armorm serve` puts it together, with limits of tests' size. */
import { Admission, type AdmissionOptions } from '../../src/scheduling/admission.js'
import type { BatchQueue } from '../../src/scheduling/batch-queue.js'
import { Door } from '../../src/scoring/door.js'
import type { Tokenize } from '../../src/scoring/rater.js'
import { RememberedTokens } from '../../src/scoring/remembered-tokens.js'
import { RewardCache } from '../../src/scoring/reward-cache.js'
import type { Protocol } from '../../src/scoring/scorer.js'

const BYTES = 1 << 20

export interface DoorSetting extends Partial<AdmissionOptions> {
  readonly bulk?: readonly Protocol[]
  readonly maxRequestTokens?: number
}

export interface DoorOver {
  readonly admission: Admission
  /** What an application needs of it: the door knows what the other two remember. */
  readonly parts: { readonly door: Door; readonly rater: RewardCache; readonly tokenizer: RememberedTokens }
}

/** A door for conversations of up to 100 tokens, of which 1000 may wait unless `setting` says otherwise. */
export function doorOver(
  queue: BatchQueue,
  tokenize: Tokenize,
  { bulk = [], maxRequestTokens = 0, ...options }: DoorSetting = {}
): DoorOver {
  const admission = new Admission(queue, {
    maxTokens: 1000,
    maxConversations: 1000,
    maxLineRequests: 1000,
    maxLineBytes: BYTES,
    ...options
  })
  const rater = new RewardCache(queue, { maxBytes: BYTES, revision: 'r' })
  const tokenizer = new RememberedTokens(tokenize, BYTES)
  const remembered = { tokens: tokenizer, cache: rater }
  const door = new Door({ admission, ...remembered, queue, maxTokens: 100, maxRequestTokens, bulk: new Set(bulk) })
  return { admission, parts: { door, rater, tokenizer } }
}
