/** A server with stand-ins for the tokenizer and the engine: what each test does not name is filled in here. */
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Manifest } from '../../src/bundle/manifest.js'
import type { EngineHealth, EngineSequence } from '../../src/engine/contract.js'
import { resolveConfig } from '../../src/config/resolve.js'
import { createApp } from '../../src/http/app.js'
import type { ContractSettings } from '../../src/http/contracts/settings.js'
import { Lifecycle } from '../../src/http/lifecycle.js'
import type { ServedModel, Services } from '../../src/http/services.js'
import { createLogger } from '../../src/http/logger.js'
import { Metrics } from '../../src/metrics.js'
import { Calibration } from '../../src/scoring/calibration.js'
import type { Door } from '../../src/scoring/door.js'
import { ExplainStore } from '../../src/scoring/explain-store.js'
import type { RatedSequence } from '../../src/scheduling/rated-sequence.js'
import type { Rater, Tokenize } from '../../src/scoring/rater.js'
import { Scorer } from '../../src/scoring/scorer.js'
import type { Conversation } from '../../src/text/conversation.js'

export const manifest: Manifest = {
  format_version: 1,
  model: { name: 'tiny', revision: '0123456789abcdef', source: 'made/tiny', licence: 'Apache-2.0' },
  backbone: {
    file: 'backbone.onnx',
    precision: 'fp32',
    attention: 'rows',
    providers: ['cpu'],
    hidden_size: 8,
    layers: 1,
    vocab_size: 1000
  },
  heads: {
    file: 'heads.onnx',
    logit_scale: 1.5,
    temperature: 10,
    transform: [
      [1, 0, 0],
      [-0.25, 1, -0.5],
      [0, 0, 1]
    ]
  },
  objectives: [
    { name: 'helpfulness', source_set: 'helpsteer', native_scale: { multiplier: 5, offset: -0.5, low: 0, high: 4 } },
    { name: 'verbosity', source_set: 'helpsteer', native_scale: null },
    { name: 'safety', source_set: null, native_scale: null }
  ],
  gate: { pattern: null, source: null },
  max_tokens: 100,
  tokenizer: true,
  files: {},
  self_test: { tolerance: 1e-4, cases: [{ input_ids: [1], gate_index: 0, ratings: [], gating: [], score: 0 }] }
}

/** One token a character, so that tests can foresee token counts. */
export const fakeTokenizer: Tokenize = {
  async encode(conversation, truncation) {
    const text = textOf(conversation)
    const all = [...text].map((char) => (char.codePointAt(0) ?? 0) % 1000)
    const trimmedTokens = truncation === 'prompt_left' ? Math.max(0, all.length - manifest.max_tokens) : 0
    const ids = Int32Array.from(all.slice(trimmedTokens))
    const promptTokens = Math.max(1, ids.length - answerOf(conversation).length)
    return { ids, gateIndex: promptTokens - 1, promptTokens, trimmedTokens }
  }
}

function textOf(conversation: Conversation): string {
  if (conversation.kind === 'text') return conversation.text
  if (conversation.kind === 'ids') return conversation.ids.map((id) => String.fromCodePoint(id)).join('')
  return conversation.messages.map(({ content }) => content).join('')
}

function answerOf(conversation: Conversation): string {
  return conversation.kind === 'messages' ? (conversation.messages.at(-1)?.content ?? '') : ''
}

const { transform, logit_scale: scale } = manifest.heads

/** Rates by the number of tokens, with the heads' own arithmetic: different lengths have different scores. */
export function rateByLength({ ids }: EngineSequence): RatedSequence {
  const ratings = Float32Array.of(ids.length / 10, 0.5, -ids.length / 100)
  const gating = Float32Array.of(0.5, 0.25, 0.25).map((weight) => weight * scale)
  const adjusted = ratings.map((_, j) => ratings.reduce((sum, rating, i) => sum + rating * (transform[i]?.[j] ?? 0), 0))
  const score = Math.fround(gating.reduce((sum, weight, j) => sum + weight * (adjusted[j] ?? 0), 0))
  return { ratings, gating, adjusted, score, batchSize: 1, origin: 'run' as const, queueMs: 1.5, runMs: 2.5 }
}

export const fakeRater: Rater = { rate: async (sequence) => rateByLength(sequence) }

export interface Fakes {
  readonly tokenizer?: Tokenize
  readonly rater?: Rater
  readonly store?: ExplainStore
  readonly health?: () => EngineHealth
  readonly lifecycle?: Lifecycle
  readonly limits?: Partial<Services['limits']>
  readonly contracts?: Partial<ContractSettings>
  readonly door?: Door
  /** Of another server: the model in service may change. */
  readonly served?: Services['served']
  readonly reload?: Services['reload']
  readonly access?: Partial<Services['access']>
  readonly tracing?: Services['tracing']
}

export function fakeServices(fakes: Fakes = {}): Services {
  const store = fakes.store ?? new ExplainStore({ maxBytes: 1 << 20, ttlMs: 60_000 })
  const lifecycle = fakes.lifecycle ?? new Lifecycle()
  if (!fakes.lifecycle) lifecycle.becomeReady()
  const engine = { health: fakes.health ?? (() => ({ state: 'ready' as const, restarts: 0 })) }
  const metrics = new Metrics(manifest, null, 'cpu', {
    queueDepth: () => 0,
    queuedTokens: () => 0,
    queueLimit: () => 0,
    tokenizingTokens: () => 0,
    lineRequests: () => 0,
    lineBytes: () => 0,
    targetTokens: () => 0,
    tokensPerSecond: () => 0,
    engineRestarts: () => engine.health().restarts,
    engineReady: () => engine.health().state === 'ready',
    explainEntries: () => store.size,
    explainBytes: () => store.bytes,
    cacheBytes: () => 0,
    ready: () => lifecycle.state === 'ready'
  })
  const scorer = new Scorer({
    manifest,
    tokenizer: fakes.tokenizer ?? fakeTokenizer,
    rater: fakes.rater ?? fakeRater,
    store,
    observer: metrics,
    ...(fakes.door && { door: fakes.door })
  })
  const limits = { ...resolveConfig({ flags: {}, env: {} }), bodyLimit: 1 << 20, maxInputs: 100, ...fakes.limits }
  const model: ServedModel = {
    manifest,
    provider: 'cpu',
    maxTokens: manifest.max_tokens,
    scorer,
    engine,
    since: 0,
    hold: () => () => undefined,
    contracts: {
      scale: 1,
      offset: 0,
      extras: [0, 1, 2],
      failedScore: 0,
      calibration: new Calibration(null),
      reading: { family: 'auto', thinking: 'drop' },
      ...fakes.contracts
    }
  }
  const served = fakes.served ?? { current: model }
  const access = { keys: null, operators: null, loopback: true, ...fakes.access }
  const { reload, tracing } = fakes
  return {
    ...model,
    served,
    store,
    lifecycle,
    metrics,
    limits,
    access,
    ...(reload && { reload }),
    ...(tracing && { tracing })
  }
}

/** An application that closes with the test. `log` receives the lines of the log. */
export async function fakeApp(t: Test, fakes: Fakes = {}, log?: string[]): Promise<FastifyInstance> {
  const logger = log && createLogger('trace', { write: (line: string) => void log.push(line) })
  const app = await createApp(fakeServices(fakes), logger)
  t.teardown(() => app.close())
  return app
}

/** A rater that holds every rating until it is let go. */
export function heldRater(): { rater: Rater; started: Promise<void>; release: () => void } {
  let release = () => {}
  let start = () => {}
  const started = new Promise<void>((resolve) => (start = resolve))
  const gate = new Promise<void>((resolve) => (release = resolve))
  const rater: Rater = {
    async rate(sequence) {
      start()
      await gate
      return rateByLength(sequence)
    }
  }
  return { rater, started, release }
}
