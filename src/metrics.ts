/**
 * Prometheus metrics, prefix `armorm_`. Label values come from bounded sets only: route patterns, known methods,
 * codes of the error table, objectives of the one model. Gauges ask for their value when scraped.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Manifest } from './bundle/manifest.js'
import type { Reference } from './bundle/reference.js'
import { ENGINE_FAULTS, type EngineFault, type ExecutionProvider } from './engine/contract.js'
import type { ErrorCode } from './errors.js'
import { RewardMetrics } from './monitoring/reward-metrics.js'
import type { Reward, Usage } from './scoring/reward.js'
import type { Protocol, ScoringObserver } from './scoring/scorer.js'
import { type Refusal, REFUSALS } from './scheduling/admission.js'
import type { BatchInfo } from './scheduling/batch-queue.js'
import type { RatedSequence } from './scheduling/rated-sequence.js'
import type { ReadConversation } from './text/rendered/index.js'

/** What the gauges ask for at a scrape. */
export interface MetricSources {
  queueDepth(): number
  queuedTokens(): number
  queueLimit(): number
  tokenizingTokens(): number
  lineRequests(): number
  lineBytes(): number
  targetTokens(): number
  tokensPerSecond(): number
  /** Of all engines that ever were. */
  engineRestarts(): number
  engineReady(): boolean
  explainEntries(): number
  explainBytes(): number
  cacheBytes(): number
  ready(): boolean
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180]
const TOKENS = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768]
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
export class Metrics implements ScoringObserver {
  /** What does not depend on the model. */
  readonly #service = new Registry()
  /** That, and the rewards of the model in service. */
  #registry = this.#service

  readonly #requests = this.#counter(
    'http_requests_total',
    'HTTP requests that ended; status 499: the client went away first.',
    ['route', 'method', 'status']
  )
  readonly #requestSeconds = this.#histogram('http_request_duration_seconds', 'Time until a request ended.', SECONDS, [
    'route'
  ])
  readonly #inflight = this.#gauge('inflight', 'HTTP requests being answered.')
  readonly #keyRequests = this.#counter('key_requests_total', 'Requests with a good API key, by its name.', ['key'])
  readonly #connectionsDropped = this.#counter(
    'connections_dropped_total',
    'Connections closed unheard, far past --max-connections.'
  )
  readonly #errors = this.#counter('errors_total', 'Errors in replies, by code of docs/errors.md.', ['code'])
  readonly #samples = this.#counter('samples_total', 'Conversations by outcome: ok, truncated, rejected, error.', [
    'protocol',
    'outcome'
  ])
  readonly #texts = this.#counter(
    'rendered_texts_total',
    'Texts of trainers by how they were read (prompt, parsed, raw, refused) and in which chat template.',
    ['how', 'family']
  )
  readonly #nonFinite = this.#counter('nonfinite_total', 'Conversations whose outputs were not finite.')
  readonly #tokenizeSeconds = this.#histogram('tokenize_seconds', 'Time to tokenize one conversation.', SECONDS)
  readonly #sequenceTokens = this.#histogram('sequence_tokens', 'Tokens of a conversation.', TOKENS)
  readonly #trimmedTokens = this.#counter('trimmed_tokens_total', 'Tokens cut from prompts where callers asked to.')
  readonly #queueSeconds = this.#histogram('queue_wait_seconds', 'Time in the queue before a batch.', SECONDS)
  readonly #inferenceSeconds = this.#histogram('inference_seconds', 'Time that one batch ran.', SECONDS)
  readonly #batchSize = this.#histogram('batch_size', 'Conversations in a batch.', SIZES)
  readonly #batchTokens = this.#histogram('batch_tokens', 'Tokens in a batch, without padding.', TOKENS)
  readonly #batchDistinctTokens = this.#histogram(
    'batch_distinct_tokens',
    'Tokens in a batch, a prompt that its conversations share counted once.',
    TOKENS
  )
  readonly #cacheHits = this.#counter(
    'cache_hits_total',
    'Conversations not computed: from memory (cache), or joined to the same work under way (joined).',
    ['origin']
  )
  readonly #refusals = this.#counter('refusals_total', `Requests refused for want of room: ${REFUSALS.join(', ')}.`, [
    'reason'
  ])
  readonly #dropped = this.#counter(
    'dropped_total',
    'Conversations that waited and were not computed: their caller had gone (gone), or was out of time (expired).',
    ['reason']
  )
  readonly #engineFaults = this.#counter('engine_faults_total', `Faults of the engine: ${ENGINE_FAULTS.join(', ')}.`, [
    'reason'
  ])
  readonly #engineBisections = this.#counter(
    'engine_bisections_total',
    'Batches divided to find the conversation on which the engine fails.'
  )
  readonly #reloads = this.#counter(
    'reloads_total',
    'Reloads of the bundle by outcome: ok, or the code of docs/errors.md of what kept the old model in service.',
    ['outcome']
  )
  readonly #traceSpans = this.#counter(
    'trace_spans_total',
    'Spans by what became of them: exported, failed (the collector did not take them), dropped (too many waited).',
    ['outcome']
  )
  readonly #modelInfo = this.#gauge('model_info', 'The model being served.', ['model', 'revision', 'dtype', 'provider'])
  /** By the model that gave them. One that is no longer in service may still answer: that is seen by nobody. */
  readonly #rewards = new WeakMap<Manifest, RewardMetrics>()

  constructor(manifest: Manifest, reference: Reference | null, provider: ExecutionProvider, sources: MetricSources) {
    collectDefaultMetrics({ register: this.#service })
    this.#sampled('queue_depth', 'Conversations waiting for a batch.', () => sources.queueDepth())
    this.#sampled('queue_tokens', 'Tokens waiting for a batch.', () => sources.queuedTokens())
    this.#sampled('queue_limit_tokens', 'Tokens that may wait.', () => sources.queueLimit())
    this.#sampled('tokenizing_tokens', 'Tokens of requests that are being tokenized, about.', () => {
      return sources.tokenizingTokens()
    })
    this.#sampled('line_requests', 'Requests that wait for room in the queue.', () => sources.lineRequests())
    this.#sampled('line_bytes', 'Bytes of their text.', () => sources.lineBytes())
    this.#sampled('target_tokens', 'Distinct tokens up to which a batch is filled.', () => sources.targetTokens())
    this.#sampled('tokens_per_second', 'Distinct tokens per second of the latest batches.', () => {
      return sources.tokensPerSecond()
    })
    this.#sampled('engine_restarts', 'Times the engine was restarted after a fault.', () => {
      return sources.engineRestarts()
    })
    this.#sampled('engine_ready', '1 while the engine can run batches.', () => {
      return Number(sources.engineReady())
    })
    this.#sampled('ready', '1 while /readyz answers 200.', () => Number(sources.ready()))
    this.#sampled('explain_store_entries', 'Explanations kept.', () => sources.explainEntries())
    this.#sampled('explain_store_bytes', 'Bytes that explanations take.', () => sources.explainBytes())
    this.#sampled('cache_bytes', 'Bytes that remembered rewards take.', () => sources.cacheBytes())
    // Last: what is registered later would not be seen.
    this.serves(manifest, reference, provider)
  }

  get registry(): Registry {
    return this.#registry
  }

  /** The model in service from now on: the metrics of its rewards, whose buckets are its own, begin anew. */
  serves(manifest: Manifest, reference: Reference | null, provider: ExecutionProvider): void {
    const { model, backbone } = manifest
    const rewards = new Registry()
    this.#rewards.set(manifest, new RewardMetrics(rewards, manifest, reference))
    this.#registry = Registry.merge([this.#service, rewards])
    this.#modelInfo.reset()
    this.#modelInfo.set({ model: model.name, revision: model.revision, dtype: backbone.precision, provider }, 1)
  }

  requestStarted(): void {
    this.#inflight.inc()
  }

  /**
   * A request that was answered, or whose client has gone.
   * @param route - the route's pattern, never a raw URL.
   */
  requestEnded(route: string, method: string, status: number, milliseconds: number): void {
    this.#inflight.dec()
    this.#requests.inc({ route, method: METHODS.has(method) ? method : 'OTHER', status })
    this.#requestSeconds.observe({ route }, milliseconds / 1000)
  }

  /** @param name - of the key, never the key itself. */
  keyUsed(name: string): void {
    this.#keyRequests.inc({ key: name })
  }

  connectionDropped(): void {
    this.#connectionsDropped.inc()
  }

  error(code: ErrorCode): void {
    this.#errors.inc({ code })
  }

  tokenized(milliseconds: number, { tokens, trimmedTokens }: Usage): void {
    this.#tokenizeSeconds.observe(milliseconds / 1000)
    this.#sequenceTokens.observe(tokens)
    this.#trimmedTokens.inc(trimmedTokens)
  }

  rated(protocol: Protocol, reward: Reward, { origin, queueMs }: RatedSequence, manifest: Manifest): void {
    const { usage } = reward
    this.#samples.inc({ protocol, outcome: usage.trimmedTokens > 0 ? 'truncated' : 'ok' })
    if (origin === 'run') this.#queueSeconds.observe(queueMs / 1000)
    else this.#cacheHits.inc({ origin })
    this.#rewards.get(manifest)?.given({ ...reward, responseTokens: usage.responseTokens }, origin === 'run')
  }

  rejected(protocol: Protocol): void {
    this.#samples.inc({ protocol, outcome: 'rejected' })
  }

  failed(protocol: Protocol): void {
    this.#samples.inc({ protocol, outcome: 'error' })
  }

  /** A text that a trainer rendered: `refused` when no conversation could be read from it. */
  textRead(how: ReadConversation['how'] | 'refused', family: ReadConversation['family']): void {
    this.#texts.inc({ how, family })
  }

  nonFinite(): void {
    this.#nonFinite.inc()
  }

  refused(reason: Refusal): void {
    this.#refusals.inc({ reason })
  }

  dropped(reason: 'gone' | 'expired'): void {
    this.#dropped.inc({ reason })
  }

  engineFault(reason: EngineFault): void {
    this.#engineFaults.inc({ reason })
  }

  engineBisection(): void {
    this.#engineBisections.inc()
  }

  reload(outcome: 'ok' | ErrorCode): void {
    this.#reloads.inc({ outcome })
  }

  traceSpans(outcome: 'exported' | 'failed' | 'dropped', count: number): void {
    this.#traceSpans.inc({ outcome }, count)
  }

  batch({ sequences, tokens, distinctTokens, runMs, failed }: BatchInfo): void {
    if (failed) return
    this.#batchSize.observe(sequences)
    this.#batchTokens.observe(tokens)
    this.#batchDistinctTokens.observe(distinctTokens)
    this.#inferenceSeconds.observe(runMs / 1000)
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter({ name: `armorm_${name}`, help, labelNames, registers: [this.#service] })
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Gauge<T> {
    return new Gauge({ name: `armorm_${name}`, help, labelNames, registers: [this.#service] })
  }

  /** A gauge that asks for its value at each scrape. */
  #sampled(name: string, help: string, sample: () => number): void {
    new Gauge({
      name: `armorm_${name}`,
      help,
      registers: [this.#service],
      collect() {
        this.set(sample())
      }
    })
  }

  #histogram<T extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly T[] = []
  ): Histogram<T> {
    return new Histogram({ name: `armorm_${name}`, help, buckets, labelNames, registers: [this.#service] })
  }
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
