/** Messages between the supervisor and the engine process (structured clones, so typed arrays stay what they are). */
import type { ErrorData } from '../errors.js'
import type { EngineSequence, HeadOutputs } from './contract.js'
import type { SessionOptions } from './session.js'

export type ToEngine =
  | { readonly type: 'load'; readonly options: SessionOptions }
  | { readonly type: 'run'; readonly run: number; readonly batch: readonly EngineSequence[] }

export type FromEngine =
  | { readonly type: 'loaded' }
  | { readonly type: 'load_failed'; readonly error: ErrorData }
  | { readonly type: 'result'; readonly run: number; readonly outputs: HeadOutputs }
  | { readonly type: 'run_failed'; readonly run: number; readonly message: string }
