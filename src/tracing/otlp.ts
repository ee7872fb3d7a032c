/**
 * Traces by OpenTelemetry's SDK, exported as OTLP over HTTP, in JSON. Loaded only where traces are asked for. Spans are
 * made of the server's own timings when a request has ended: nothing is patched, and no context follows the work.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Context, diag, DiagLogLevel, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base'
import { packageVersion } from '../version.js'
import { CountedExport, type OnSpans } from './counted-export.js'
import { RequestTimeline } from './request-timeline.js'
import { beginRequestSpan, endRequestSpan } from './spans.js'
import type { SpanName, Tracing } from './tracing.js'
import { WallClock } from './wall-clock.js'

export interface TracingOptions {
  /** Where spans are posted. */
  readonly url: URL
  /** Part of the requests that are traced, of those whose caller has not decided it; 1: all, or OTEL_TRACES_SAMPLER. */
  readonly ratio: number
  readonly onSpans: OnSpans
  readonly warn: (facts: object, message: string) => void
}

const NAME = 'armorm-server'
/** Milliseconds between two warnings of lost spans. */
const WARNING_PAUSE = 60_000

/** Starts what makes and exports traces. The SDK reads its own environment variables, those that docs/tracing.md lists. */
export async function openTracing({ url, ratio, onSpans, warn }: TracingOptions): Promise<Tracing> {
  const version = await packageVersion()
  // What the variables have wrong is told now; what export says later is counted, and told once a minute.
  const told = (message: string) => warn({ opentelemetry: message }, 'a setting of OpenTelemetry is not used')
  const unheard = () => undefined
  const logger = { error: told, warn: told, info: unheard, debug: unheard, verbose: unheard }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const exporter = new OTLPTraceExporter({ url: url.href })
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': NAME,
          'service.version': version,
          'service.instance.id': randomUUID()
        })
      )
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new CountedExport(exporter, withWarnings(onSpans, warn))],
    ...(ratio < 1 && { sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }) })
  })
  diag.disable()
  const tracer = provider.getTracer(NAME, version)
  const clock = new WallClock()
  return {
    begin: (head) => {
      const { offset } = clock
      const span = beginRequestSpan(tracer, head, contextOf(head.parent), offset)
      if (!span.isRecording()) return null
      const { traceId, spanId } = span.spanContext()
      const timeline = new RequestTimeline()
      return {
        name: { traceId, spanId, flags: '01' },
        timeline,
        end: (end) => endRequestSpan(tracer, span, trace.setSpan(ROOT_CONTEXT, span), timeline, end, offset)
      }
    },
    close: async (milliseconds) => {
      const flushed = provider.shutdown().catch(unheard)
      await Promise.race([flushed, delay(milliseconds, undefined, { ref: false })])
    }
  }
}

/** Nothing but the ids: a caller's `tracestate` is not passed on. */
function contextOf(parent: SpanName | null): Context {
  if (!parent) return ROOT_CONTEXT
  const { traceId, spanId, flags } = parent
  const traceFlags = parseInt(flags, 16) & TraceFlags.SAMPLED
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** Has the log say that spans are lost, at once and then once a minute at most. */
function withWarnings(onSpans: OnSpans, warn: TracingOptions['warn']): OnSpans {
  let lost = 0
  let next = -Infinity
  return (outcome, count, why) => {
    onSpans(outcome, count)
    if (outcome === 'exported') return
    lost += count
    const now = performance.now()
    if (now < next) return
    warn({ lost, why }, 'spans of traces are lost')
    next = now + WARNING_PAUSE
    lost = 0
  }
}
