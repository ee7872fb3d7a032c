/**
 * `armorm serve` over the stand-in engine: everything but the model. Options: --port, --model, --rate (tokens a second),
 * --max-queue-tokens.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadBundle } from '../../src/bundle/load.js'
import { resolveConfig } from '../../src/config/resolve.js'
import { EngineSupervisor } from '../../src/engine/supervisor.js'
import { createApp } from '../../src/http/app.js'
import { contractSettings } from '../../src/http/contracts/settings.js'
import { Lifecycle } from '../../src/http/lifecycle.js'
import { Metrics } from '../../src/metrics.js'
import { Admission } from '../../src/scheduling/admission.js'
import { BatchQueue } from '../../src/scheduling/batch-queue.js'
import { Door } from '../../src/scoring/door.js'
import { ExplainStore } from '../../src/scoring/explain-store.js'
import { RememberedTokens } from '../../src/scoring/remembered-tokens.js'
import { RewardCache } from '../../src/scoring/reward-cache.js'
import { Scorer } from '../../src/scoring/scorer.js'
import { TokenizerPool } from '../../src/text/pool.js'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    model: { type: 'string', default: 'models/default' },
    rate: { type: 'string', default: '20000' },
    'max-queue-tokens': { type: 'string', default: '0' }
  }
})
const options = resolveConfig({
  flags: { port: values.port, model: values.model, maxQueueTokens: values['max-queue-tokens'] },
  env: {}
})
const { folder, manifest } = await loadBundle(options.model)
const objectives = manifest.objectives.length
const maxTokens = manifest.max_tokens
const tokenizer = await TokenizerPool.create({
  folder,
  hasTokenizer: true,
  maxTokens,
  vocabSize: manifest.backbone.vocab_size,
  gatePattern: manifest.gate.pattern,
  threads: 1,
  deadlineMs: options.tokenizerDeadline
})
const engine = new EngineSupervisor({
  folder,
  provider: 'cpu',
  threads: 1,
  exactTokens: [],
  program: fileURLToPath(new URL('./engine.js', import.meta.url)),
  start: (program) => fork(program, [values.rate, String(objectives)], { serialization: 'advanced', execArgv: [] }),
  // It measures nothing, but says its rate only to whom asks.
  warmUp: { vocabSize: 1, maxTokens, maxBatchTokens: 1, maxBatchSequences: 1, budgetMs: 0 }
})
await engine.load()
const store = new ExplainStore({ maxBytes: 0, ttlMs: 1 })
const queue = new BatchQueue(engine, {
  objectives,
  maxBatchTokens: options.maxBatchTokens,
  maxBatchSequences: options.maxBatchSequences
})
const cache = new RewardCache(queue, { maxBytes: options.cacheBytes, revision: manifest.model.revision })
const admission = new Admission(queue, {
  maxTokens: options.maxQueueTokens,
  maxConversations: options.maxQueueConversations,
  maxLineRequests: options.maxLineRequests,
  maxLineBytes: options.maxLineBytes,
  onRefusal: (reason) => metrics.refused(reason)
})
const lifecycle = new Lifecycle()
const metrics = new Metrics(manifest, 'cpu', {
  queueDepth: () => queue.depth,
  queuedTokens: () => queue.queuedTokens,
  queueLimit: () => admission.limitTokens,
  tokenizingTokens: () => admission.reservedTokens,
  lineRequests: () => admission.lineRequests,
  lineBytes: () => admission.lineBytes,
  targetTokens: () => queue.targetTokens,
  tokensPerSecond: () => queue.tokensPerSecond,
  engineHealth: () => engine.health(),
  explainEntries: () => 0,
  explainBytes: () => 0,
  cacheBytes: () => cache.bytes,
  ready: () => true
})
const tokens = new RememberedTokens(tokenizer, 32 * 1024 * 1024)
const door = new Door({ admission, tokens, cache, queue, maxTokens, bulk: new Set() })
const app = await createApp({
  manifest,
  provider: 'cpu',
  maxTokens,
  scorer: new Scorer({ tokenizer: tokens, rater: cache, store, observer: metrics, door }),
  store,
  engine,
  lifecycle,
  metrics,
  limits: { bodyLimit: options.bodyLimit, maxInputs: options.maxInputs, requestTimeout: 0 },
  contracts: contractSettings(options, manifest, null)
})
lifecycle.becomeReady()
await app.listen({ host: options.host, port: options.port })
process.on('SIGTERM', () => process.exit(0))
