/** A server with its own door, queue and engine process, of which traces are made. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { AdmissionOptions } from '../../src/scheduling/admission.js'
import { BatchQueue } from '../../src/scheduling/batch-queue.js'
import { openTracing } from '../../src/tracing/otlp.js'
import type { Tracing } from '../../src/tracing/tracing.js'
import { type Fakes, fakeApp, fakeTokenizer } from '../http/helpers.js'
import { doorOver } from '../support/door.js'
import { engineOver, SCRIPTED_ENGINE } from '../support/engines.js'
import { type Collector, type Span, startCollector } from '../support/collector.js'

export interface Counted {
  readonly exported: number
  readonly failed: number
  readonly dropped: number
}

export interface Traces {
  readonly tracing: Tracing
  readonly counted: Counted
  readonly warnings: object[]
}

/** What exports to `origin`. Ends with the test, whatever the collector does. */
export async function tracesTo(t: Test, origin: string, ratio = 1): Promise<Traces> {
  const counted = { exported: 0, failed: 0, dropped: 0 }
  const warnings: object[] = []
  const tracing = await openTracing({
    url: new URL(`${origin}/v1/traces`),
    ratio,
    onSpans: (outcome, count) => (counted[outcome] += count),
    warn: (facts) => void warnings.push(facts)
  })
  t.teardown(() => tracing.close(0))
  return { tracing, counted, warnings }
}

export interface TracedServer extends Traces {
  readonly app: FastifyInstance
  readonly collector: Collector
  readonly log: string[]
  /** Sends what is left, after which nothing more is. @returns all spans */
  readonly exported: () => Promise<Span[]>
  /** Has conversations that begin with \u0005 run to their end. */
  readonly release: () => void
  /** Tokens that the engine has, conversations that wait for it, and requests that stand in line. */
  readonly load: () => { readonly running: number; readonly conversations: number; readonly requests: number }
}

export interface Setting extends Partial<AdmissionOptions> {
  readonly ratio?: number
  readonly maxBatchSequences?: number
  readonly access?: Fakes['access']
}

/**
 * The first character of a text may be a command of the scripted engine (test/fixtures/engine). Every character is a
 * token.
 */
export async function tracedServer(t: Test, setting: Setting = {}): Promise<TracedServer> {
  const { ratio, maxBatchSequences = 64, access, ...admissionOptions } = setting
  const collector = await startCollector(t)
  const traces = await tracesTo(t, collector.origin, ratio)
  const folder = t.testdir()
  const engine = engineOver(t, folder, { program: SCRIPTED_ENGINE })
  await engine.load()
  const queue = new BatchQueue(engine, { objectives: 1, maxBatchTokens: 1000, maxBatchSequences })
  const { admission, parts } = doorOver(queue, fakeTokenizer, admissionOptions)
  const log: string[] = []
  const { tracing } = traces
  const app = await fakeApp(t, { ...parts, tracing, ...(access && { access }) }, log)
  const release = () => writeFileSync(join(folder, 'release'), '')
  // What a failed test left waiting must not keep the server from closing.
  t.teardown(release)
  return {
    ...traces,
    app,
    collector,
    log,
    release,
    exported: async () => {
      await tracing.close(60_000)
      return collector.spans()
    },
    load: () => ({ running: queue.handedTokens, conversations: queue.depth, requests: admission.lineRequests })
  }
}

export const score = (app: FastifyInstance, texts: readonly string[], headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/score',
    payload: { inputs: texts.map((text) => ({ text })), return: ['score'] },
    headers
  })

export const named = (spans: readonly Span[], name: string): Span[] => spans.filter((span) => span.name === name)
