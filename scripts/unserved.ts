/** Services of a server that serves nothing: enough for its routes to be declared, the built-in model's manifest included. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Manifest, MANIFEST_FILE } from '../src/bundle/manifest.js'
import { resolveConfig } from '../src/config/resolve.js'
import { Lifecycle } from '../src/http/lifecycle.js'
import { LoadMeter } from '../src/http/load-meter.js'
import type { ServedModel, ServerServices } from '../src/http/services.js'
import { Metrics } from '../src/metrics.js'
import { Calibration } from '../src/scoring/calibration.js'
import { ExplainStore } from '../src/scoring/explain-store.js'
import { Scorer } from '../src/scoring/scorer.js'

// Compiled to build/scripts, two folders below the root.
const BUNDLE = fileURLToPath(new URL('../../models/default/', import.meta.url))

const never = () => Promise.reject(new Error('this server serves nothing'))

export function unserved(): ServerServices {
  const manifest = JSON.parse(readFileSync(BUNDLE + MANIFEST_FILE, 'utf8')) as Manifest
  const engine = { health: () => ({ state: 'stopped', restarts: 0 }) as const }
  const metrics = new Metrics(manifest, null, 'cpu', {
    queueDepth: () => 0,
    queuedTokens: () => 0,
    queueLimit: () => 0,
    tokenizingTokens: () => 0,
    lineRequests: () => 0,
    lineBytes: () => 0,
    targetTokens: () => 0,
    tokensPerSecond: () => 0,
    engineRestarts: () => 0,
    engineReady: () => false,
    explainEntries: () => 0,
    explainBytes: () => 0,
    cacheBytes: () => 0,
    ready: () => false
  })
  const store = new ExplainStore({ maxBytes: 0, ttlMs: 0 })
  const current: ServedModel = {
    manifest,
    provider: 'cpu',
    maxTokens: manifest.max_tokens,
    scorer: new Scorer({ manifest, tokenizer: { encode: never }, rater: { rate: never }, store, observer: metrics }),
    engine,
    load: { outstandingTokens: 0, limitTokens: Infinity },
    contracts: {
      scale: 1,
      offset: 0,
      extras: [],
      failedScore: 0,
      calibration: new Calibration(null),
      reading: { family: 'auto', thinking: 'drop' }
    },
    since: 0,
    hold: () => () => undefined
  }
  return {
    served: { current },
    store,
    lifecycle: new Lifecycle(),
    metrics,
    loadMeter: new LoadMeter(),
    access: { keys: null, operators: null, loopback: true },
    limits: resolveConfig({ flags: {}, env: {} }),
    reload: never
  }
}
