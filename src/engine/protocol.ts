/** Messages between the supervisor and the engine process (structured clones, so typed arrays stay what they are). */
import type { ErrorData } from '../errors.js'
import type { EngineCapacity, EngineSequence, HeadOutputs } from './contract.js'
import type { SessionOptions } from './session.js'
import type { WarmUpOptions } from './warm-up.js'

export type ToEngine =
  | { readonly type: 'load'; readonly options: SessionOptions; readonly warmUp: WarmUpOptions | null }
  /** One may come while another runs; they run in order. */
  | { readonly type: 'run'; readonly run: number; readonly batch: readonly EngineSequence[] }

export type FromEngine =
  | { readonly type: 'loaded'; readonly capacity: EngineCapacity | null }
  | { readonly type: 'load_failed'; readonly error: ErrorData }
  | { readonly type: 'result'; readonly run: number; readonly outputs: HeadOutputs }
  | { readonly type: 'run_failed'; readonly run: number; readonly message: string }
