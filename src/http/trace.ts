/** The trace that a request belongs to: W3C Trace Context, https://www.w3.org/TR/trace-context/ */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export interface Trace {
  /** 32 hexadecimal digits, the caller's. */
  readonly traceId: string
  /** 16 hexadecimal digits: this request, in the trace. */
  readonly spanId: string
  /** 2 hexadecimal digits, the caller's. */
  readonly flags: string
}

/** version-traceid-parentid-flags; later versions may have more behind it. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/
const NO_TRACE = '0'.repeat(32)
const NO_PARENT = /^.{35}-0{16}-/

/** Of requests under way. */
const traces = new WeakMap<IncomingMessage, Trace | null>()

/** The trace that the header `traceparent` names; null where there is none, or one that is not valid. */
export function traceOf(request: IncomingMessage): Trace | null {
  const known = traces.get(request)
  if (known !== undefined) return known
  const trace = readTraceparent(request.headers['traceparent'])
  traces.set(request, trace)
  return trace
}

function readTraceparent(header: string | string[] | undefined): Trace | null {
  if (typeof header !== 'string') return null
  const [, version, traceId = NO_TRACE, flags = '00', more] = TRACEPARENT.exec(header) ?? []
  const valid = version !== 'ff' && !(version === '00' && more !== undefined)
  if (!valid || traceId === NO_TRACE || NO_PARENT.test(header)) return null
  return { traceId, spanId: randomBytes(8).toString('hex'), flags }
}

/** The reply's header `traceresponse`: where in the trace the request was answered. */
export function traceResponse({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags}`
}
