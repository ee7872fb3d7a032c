/**
 * The spans of a request. docs/tracing.md lists them with their attributes, none of which holds a text, a key, a URL or
 * an id that a caller chose.
 */
import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api'
import type { BatchRun } from '../scheduling/rated-sequence.js'
import type { OwnPart, RequestTimeline, Stretch } from './request-timeline.js'
import type { TracedEnd, TracedHead } from './tracing.js'

/**
 * Begins a request's own span, by the semantic conventions for HTTP servers, but for what would hold a URL.
 * @param offset - what makes times of `performance.now()` milliseconds since 1970
 */
export function beginRequestSpan(
  tracer: Tracer,
  { method, route, httpVersion, at }: TracedHead,
  parent: Context,
  offset: number
): Span {
  return tracer.startSpan(
    route === null ? method : `${method} ${route}`,
    {
      kind: SpanKind.SERVER,
      startTime: offset + at,
      attributes: {
        'http.request.method': method,
        ...(route !== null && { 'http.route': route }),
        'url.scheme': 'http',
        'network.protocol.version': httpVersion
      }
    },
    parent
  )
}

/** Writes the spans of what a request's work was, within `context`, and ends the request's own. */
export function endRequestSpan(
  tracer: Tracer,
  span: Span,
  context: Context,
  timeline: RequestTimeline,
  end: TracedEnd,
  offset: number
): void {
  const child = (name: string, { from, to }: Stretch, attributes: Attributes, finish?: (span: Span) => void) => {
    const part = tracer.startSpan(name, { startTime: offset + from, attributes }, context)
    finish?.(part)
    part.end(offset + to)
  }
  for (const line of timeline.lines) child('line', line, {})
  for (const { conversations, tokens, trimmedTokens, ...stretch } of timeline.tokenizations) {
    child('tokenize', stretch, {
      'armorm.conversations': conversations,
      'armorm.tokens': tokens,
      'armorm.trimmed_tokens': trimmedTokens
    })
  }
  const waited = queueStretch(timeline, end)
  if (waited) child('queue', waited, {})
  for (const [run, part] of timeline.runs) {
    child('run', { from: run.began, to: run.ended }, runAttributes(run, part), (own) => {
      noteFailures(own, run, part, offset)
    })
  }
  span.setAttributes(requestAttributes(timeline, end))
  if (end.status !== null && end.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end(offset + end.at)
}

/** From when its conversations went to the queue until the first of them ran, or it was answered without that. */
function queueStretch({ queuedAt, runs }: RequestTimeline, { at, code }: TracedEnd): Stretch | null {
  if (queuedAt === null) return null
  if (runs.size > 0) {
    const first = [...runs.keys()].reduce((earliest, { began }) => Math.min(earliest, began), Infinity)
    // Joined work may have begun before.
    return first > queuedAt ? { from: queuedAt, to: first } : null
  }
  return code === null ? null : { from: queuedAt, to: at }
}

function runAttributes({ id, sequences, tokens, distinctTokens, failures }: BatchRun, own: OwnPart): Attributes {
  return {
    'armorm.batch.id': id,
    'armorm.batch.conversations': sequences,
    'armorm.batch.tokens': tokens,
    'armorm.batch.shared_tokens': tokens - distinctTokens,
    'armorm.batch.failed_runs': failures.length,
    'armorm.conversations': own.rows.length,
    'armorm.tokens': own.tokens
  }
}

/** Runs that failed with a conversation of this request in them. */
function noteFailures(span: Span, { failures }: BatchRun, own: OwnPart, offset: number): void {
  for (const { at, rows, reason } of failures) {
    if (!own.rows.some((row) => rows.includes(row))) continue
    span.addEvent('run failed', { 'armorm.fault': reason, 'armorm.conversations': rows.length }, offset + at)
  }
  if (own.refused === 0) return
  span.setAttributes({ 'error.type': 'engine_failed', 'armorm.failed_conversations': own.refused })
  span.setStatus({ code: SpanStatusCode.ERROR })
}

function requestAttributes(timeline: RequestTimeline, { status, code }: TracedEnd): Attributes {
  const { protocol, revision, conversations, tokenizations, rewards, failures, refusal, runs, moreRuns } = timeline
  return {
    ...(status !== null && { 'http.response.status_code': status }),
    ...(code !== null && { 'armorm.error_code': code }),
    ...(code !== null && status !== null && status >= 500 && { 'error.type': code }),
    ...(protocol !== null && {
      'armorm.contract': protocol,
      'armorm.model.revision': revision ?? '',
      'armorm.conversations': conversations,
      'armorm.tokens': tokenizations.reduce((sum, { tokens }) => sum + tokens, 0),
      'armorm.batches': runs.size + moreRuns,
      'armorm.cached_conversations': rewards.cache,
      'armorm.joined_conversations': rewards.joined,
      'armorm.failed_conversations': failures
    }),
    ...(refusal !== null && { 'armorm.refusal': refusal })
  }
}
