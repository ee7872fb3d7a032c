/** What the HTTP room is given; it builds none of it. */
import type { FastifyReply } from 'fastify'
import type { Manifest } from '../bundle/manifest.js'
import type { Engine, ExecutionProvider } from '../engine/contract.js'
import type { Metrics } from '../metrics.js'
import type { ExplainStore } from '../scoring/explain-store.js'
import type { Scorer } from '../scoring/scorer.js'
import type { Tracing } from '../tracing/tracing.js'
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

/** A model, and all that depends on it. */
export interface ServedModel {
  readonly manifest: Manifest
  readonly provider: ExecutionProvider
  /** Longest conversation served, in tokens. */
  readonly maxTokens: number
  readonly scorer: Scorer
  readonly engine: Pick<Engine, 'health'>
  readonly contracts: ContractSettings
  /** When it was loaded, in seconds since 1970. */
  readonly since: number
  /** Keeps it from being ended, once another is in service, until what this returns is called. */
  hold(): () => void
}

/** What a reload changed. */
export interface Reloaded {
  readonly previous: Manifest
  readonly current: Manifest
  /** Milliseconds from the beginning to the switch. */
  readonly ms: number
}

/** What is the same whatever model is in service. */
export interface ServerServices {
  /** The model in service: another one after a reload. */
  readonly served: { readonly current: ServedModel }
  readonly store: ExplainStore
  readonly lifecycle: Lifecycle
  readonly metrics: Metrics
  readonly limits: Limits
  readonly access: Access
  /** Left out: no traces are made. */
  readonly tracing?: Tracing
  /** Reads the bundle anew and puts it into service; left out: there is no route for it. */
  readonly reload?: () => Promise<Reloaded>
}

/** One request's: a model with it, so that no request is answered by two. */
export interface Services extends ServerServices, ServedModel {}

/** The services of a request that comes now. */
export function servicesNow(server: ServerServices): Services {
  const { current } = server.served
  return { ...server, ...current, hold: () => current.hold() }
}

/** Does what needs the model, and keeps it until then. */
export async function holding<T>(model: Pick<ServedModel, 'hold'>, work: () => Promise<T>): Promise<T> {
  const release = model.hold()
  try {
    return await work()
  } finally {
    release()
  }
}

/** The revision that answers a request, whatever the form of the reply. */
export const REVISION_HEADER = 'x-model-revision'

export function nameModel(reply: FastifyReply, { manifest }: Pick<ServedModel, 'manifest'>): void {
  void reply.header(REVISION_HEADER, manifest.model.revision)
}
