/** The trace that a request belongs to: W3C Trace Context, https://www.w3.org/TR/trace-context/ */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SpanName, TracedRequest, Tracing } from '../tracing/tracing.js'
import { routeOf, UNMATCHED } from './logger.js'

/** version-traceid-parentid-flags; later versions may have more behind it. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const NO_TRACE = '0'.repeat(32)
const NO_PARENT = '0'.repeat(16)

/** Requests under way of which a trace is made. */
const traced = new WeakMap<IncomingMessage, TracedRequest>()

/** The trace that is made of a request; undefined where none is. */
export function tracedRequest({ raw }: FastifyRequest): TracedRequest | undefined {
  return traced.get(raw)
}

/**
 * Names a request in its trace, in the log and in the reply (`traceresponse`): where a trace is made of it, or its
 * caller's `traceparent` names one.
 */
export function nameTrace(request: FastifyRequest, reply: FastifyReply, tracing: Tracing | undefined): void {
  const parent = readTraceparent(request.headers['traceparent'])
  const name = begin(request, reply, parent, tracing) ?? (parent && { ...parent, spanId: newSpanId() })
  if (!name) return
  const { traceId, spanId, flags } = name
  request.log = reply.log = request.log.child({ trace_id: traceId, span_id: spanId })
  void reply.header('traceresponse', `00-${traceId}-${spanId}-${flags}`)
}

function begin(
  request: FastifyRequest,
  reply: FastifyReply,
  parent: SpanName | null,
  tracing: Tracing | undefined
): SpanName | null {
  // Probes and scrapes come every few seconds.
  if (!tracing || request.routeOptions.config.quiet) return null
  const { method, raw } = request
  const pattern = routeOf(request)
  const route = pattern === UNMATCHED ? null : pattern
  const at = performance.now() - reply.elapsedTime
  const begun = tracing.begin({ method, route, httpVersion: raw.httpVersion, at, parent })
  if (!begun) return null
  traced.set(raw, begun)
  return begun.name
}

function newSpanId(): string {
  return randomBytes(8).toString('hex')
}

/** The span that the header names; null where there is none, or one that is not valid. */
function readTraceparent(header: string | string[] | undefined): SpanName | null {
  if (typeof header !== 'string') return null
  const [, version, traceId = NO_TRACE, spanId = NO_PARENT, flags = '00', more] = TRACEPARENT.exec(header) ?? []
  const valid = version !== 'ff' && !(version === '00' && more !== undefined)
  return valid && traceId !== NO_TRACE && spanId !== NO_PARENT ? { traceId, spanId, flags } : null
}
