/** What the HTTP room is given; it builds none of it. */
import type { Manifest } from '../bundle/manifest.js'
import type { Engine, ExecutionProvider } from '../engine/contract.js'
import type { Metrics } from '../metrics.js'
import type { ExplainStore } from '../scoring/explain-store.js'
import type { Scorer } from '../scoring/scorer.js'
import type { Access } from './auth/access.js'
import type { ContractSettings } from './contracts/settings.js'
import type { JsonLimits } from './json-shape.js'
import type { Lifecycle } from './lifecycle.js'

export interface Limits extends JsonLimits {
  /** Bytes of a request body. */
  readonly bodyLimit: number
  /** Conversations of one request. */
  readonly maxInputs: number
  /** Milliseconds in which a request is answered unless it names its own; 0: however long it takes. */
  readonly requestTimeout: number
  /** Bytes of URL and headers together. */
  readonly maxHeaderBytes: number
  /** Milliseconds in which URL and headers arrive, from when the connection is there or the one before was answered. */
  readonly headersTimeout: number
  /** Milliseconds in which a whole request arrives. */
  readonly receiveTimeout: number
  /** Milliseconds for which a client may take nothing of its reply. */
  readonly sendTimeout: number
  readonly maxConnections: number
}

export interface Services {
  readonly manifest: Manifest
  readonly provider: ExecutionProvider
  /** Longest conversation served, in tokens. */
  readonly maxTokens: number
  readonly scorer: Scorer
  readonly store: ExplainStore
  readonly engine: Pick<Engine, 'health'>
  readonly lifecycle: Lifecycle
  readonly metrics: Metrics
  readonly limits: Limits
  readonly access: Access
  readonly contracts: ContractSettings
}
