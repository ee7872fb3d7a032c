/** What the server knows of tracing. What exports traces is loaded only where they are asked for (otlp.ts). */
import type { ErrorCode } from '../errors.js'
import type { Timeline } from '../scoring/timeline.js'

/** Of the header `traceparent`: W3C Trace Context, https://www.w3.org/TR/trace-context/ */
export interface SpanName {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** 2 hexadecimal digits; the last bit: the trace is sampled. */
  readonly flags: string
}

export interface TracedHead {
  readonly method: string
  /** The route's pattern, never a URL, which may hold a key or a text; null where no route matched. */
  readonly route: string | null
  readonly httpVersion: string
  /** When it came, in milliseconds of `performance.now()`. */
  readonly at: number
  /** The caller's span; null where the request begins a trace. */
  readonly parent: SpanName | null
}

export interface TracedEnd {
  /** In milliseconds of `performance.now()`. */
  readonly at: number
  /** Of the reply; null when the client had gone. */
  readonly status: number | null
  readonly code: ErrorCode | null
}

/** A request of which a trace is made. */
export interface TracedRequest {
  readonly name: SpanName
  readonly timeline: Timeline
  /** What is told to the timeline later is lost. */
  end(end: TracedEnd): void
}

export interface Tracing {
  /** Begins the trace of a request; null: it is not sampled. */
  begin(head: TracedHead): TracedRequest | null
  /** Sends what is left, for so many milliseconds at most. */
  close(milliseconds: number): Promise<void>
}
