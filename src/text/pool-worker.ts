/** Worker of TokenizerPool: holds one TextModel, encodes one conversation after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { ArmormError, type ErrorData } from '../errors.js'
import type { Conversation, TokenizedConversation, Truncation } from './conversation.js'
import { TextModel } from './text-model.js'
import type { TokenLimits } from './token-ids.js'

export interface WorkerSetup {
  readonly folder: string
  readonly limits: TokenLimits
  /** As in TextModel.load; undefined takes its default. */
  readonly memoryBytes: number | undefined
}

export interface WorkerTask {
  readonly conversation: Conversation
  readonly truncation: Truncation
}

export type Outcome<T> = { readonly value: T } | { readonly error: ErrorData }

/** What a worker says: once that it has loaded or cannot, then one message for each task, in their order. */
export type WorkerMessage =
  | { readonly kind: 'loaded'; readonly outcome: Outcome<{ bosId: number | null }> }
  | { readonly kind: 'encoded'; readonly outcome: Outcome<TokenizedConversation> }

/** Milliseconds of warming up, and of rest after it: a fifth of a core, while the engine starts and takes its measures. */
const WARMING_MS = 1
const REST_MS = 4

if (parentPort === null) throw new Error('this file runs as a worker thread')
const port = parentPort
const { folder, limits, memoryBytes } = workerData as WorkerSetup

try {
  const model = await TextModel.load(folder, limits, memoryBytes)
  tell({ kind: 'loaded', outcome: { value: { bosId: model.bosId } } })
  port.on('message', (tasks: readonly WorkerTask[]) => {
    // One message each: a result does not wait for a neighbour that takes long.
    for (const task of tasks) tell({ kind: 'encoded', outcome: encode(model, task) })
  })
  warmUp(model.warmUp())
} catch (error) {
  tell({ kind: 'loaded', outcome: { error: dataOf(error) } })
}

function encode(model: TextModel, { conversation, truncation }: WorkerTask): Outcome<TokenizedConversation> {
  try {
    return { value: model.encode(conversation, truncation) }
  } catch (error) {
    return { error: dataOf(error) }
  }
}

/** Warms up a little now and then; a task never waits for more than that little. */
function warmUp(steps: Generator<undefined, void>): void {
  const until = performance.now() + WARMING_MS
  while (performance.now() < until) if (steps.next().done) return
  setTimeout(() => warmUp(steps), REST_MS)
}

function dataOf(error: unknown): ErrorData {
  // Only the table's errors have messages that are known to hold no prompt text.
  if (!(error instanceof ArmormError)) return { code: 'internal', message: 'tokenizing failed', details: {} }
  return error.toData()
}

function tell(message: WorkerMessage): void {
  port.postMessage(message)
}
