/** Worker of TokenizerPool: holds one TextModel, encodes one conversation at a time. */
import { parentPort } from 'node:worker_threads'
import { workerData } from 'piscina'
import { ArmormError, type ErrorData } from '../errors.js'
import type { Conversation, TokenizedConversation, Truncation } from './conversation.js'
import { TextModel } from './text-model.js'
import type { TokenLimits } from './token-ids.js'

export interface WorkerSetup {
  readonly folder: string
  readonly limits: TokenLimits
}

export interface WorkerTask {
  readonly number: number
  readonly conversation: Conversation
  readonly truncation: Truncation
}

export type Outcome<T> = { readonly value: T } | { readonly error: ErrorData }

/** What a worker reports besides its results. */
export type WorkerMessage =
  | { readonly kind: 'loaded'; readonly outcome: Outcome<{ bosId: number | null }> }
  | { readonly kind: 'started'; readonly task: number }

const { folder, limits } = workerData as WorkerSetup
const loading = outcomeOf(() => TextModel.load(folder, limits))
void loading.then((loaded) => {
  tell({ kind: 'loaded', outcome: 'error' in loaded ? loaded : { value: { bosId: loaded.value.bosId } } })
})

export default async function encode(task: WorkerTask): Promise<Outcome<TokenizedConversation>> {
  const loaded = await loading
  if ('error' in loaded) return loaded
  // The deadline counts from here: neither waiting for a worker nor its loading is the conversation's fault.
  tell({ kind: 'started', task: task.number })
  return outcomeOf(() => loaded.value.encode(task.conversation, task.truncation))
}

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}

async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() }
  } catch (error) {
    // Only the table's errors have messages that are known to hold no prompt text.
    if (!(error instanceof ArmormError))
      return { error: { code: 'internal', message: 'tokenizing failed', details: {} } }
    return { error: error.toData() }
  }
}
