/** Hands spans over to be exported, and counts what becomes of them. What waits is bounded: the service goes first. */
import { type ExportResult, ExportResultCode, getNumberFromEnv } from '@opentelemetry/core'
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor
} from '@opentelemetry/sdk-trace-base'

/**
 * Told what became of spans.
 * @param outcome - exported; failed: the collector did not take them; dropped: too many waited
 * @param why - of what was lost: a status of HTTP, a code of the system, or a word that no collector chose
 */
export type OnSpans = (outcome: 'exported' | 'failed' | 'dropped', count: number, why?: string | number) => void

/** The SDK's own default. */
const MOST_WAITING = 2048

export class CountedExport implements SpanProcessor {
  readonly #onSpans: OnSpans
  readonly #processor: BatchSpanProcessor
  readonly #most: number
  /** As many as the processor holds: it has the same bound, and never drops any itself. */
  #waiting = 0

  constructor(exporter: SpanExporter, onSpans: OnSpans) {
    this.#onSpans = onSpans
    this.#most = getNumberFromEnv('OTEL_BSP_MAX_QUEUE_SIZE') ?? MOST_WAITING
    const counting: SpanExporter = {
      export: (spans, done) => {
        this.#waiting -= spans.length
        exporter.export(spans, (result) => {
          this.#tell(spans.length, result)
          done(result)
        })
      },
      shutdown: () => exporter.shutdown()
    }
    this.#processor = new BatchSpanProcessor(counting, { maxQueueSize: this.#most })
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting < this.#most) {
      this.#waiting += 1
      return this.#processor.onEnd(span)
    }
    this.#onSpans('dropped', 1, 'too many wait')
  }

  forceFlush(): Promise<void> {
    return this.#processor.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.#processor.shutdown()
  }

  #tell(count: number, { code, error }: ExportResult): void {
    if (code === ExportResultCode.SUCCESS) this.#onSpans('exported', count)
    else this.#onSpans('failed', count, causeOf(error))
  }
}

/** What is known of a failure without the words of whoever answered. */
function causeOf(error: Error | undefined): string | number {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'number' || typeof code === 'string' ? code : 'no answer'
}
