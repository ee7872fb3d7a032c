/** A bundle as `armorm serve` has it in service: engine, tokenizer, queue, and all that depends on them. */
import { realpath } from 'node:fs/promises'
import { leastEngineBytes } from '../bundle/least-memory.js'
import { type Bundle, loadBundle } from '../bundle/load.js'
import { exactTokensOf } from '../bundle/manifest.js'
import { loadReference, type Reference } from '../bundle/reference.js'
import { selfTest, selfTestProof } from '../bundle/self-test.js'
import type { ServeOptions } from '../config/schema.js'
import { type MemoryRoom, memoryRoom } from '../engine/memory.js'
import { type EngineEvent, EngineSupervisor } from '../engine/supervisor.js'
import { usableThreads } from '../engine/threads.js'
import { ArmormError } from '../errors.js'
import { type ContractSettings, contractSettings } from '../http/contracts/settings.js'
import { Holders } from '../http/holders.js'
import type { LoadMeter } from '../http/load-meter.js'
import type { Logger } from '../http/logger.js'
import type { ServedModel } from '../http/services.js'
import type { Metrics } from '../metrics.js'
import { Admission } from '../scheduling/admission.js'
import { BatchQueue } from '../scheduling/batch-queue.js'
import { bundleTokenizer } from '../scoring/bundle-tokenizer.js'
import { Door } from '../scoring/door.js'
import type { ExplainStore } from '../scoring/explain-store.js'
import { RememberedTokens } from '../scoring/remembered-tokens.js'
import { RewardCache } from '../scoring/reward-cache.js'
import { type Protocol, Scorer } from '../scoring/scorer.js'
import type { LiveModels } from './live-models.js'

/** Milliseconds of the start that go to measuring how large batches have to be. */
const WARM_UP_MS = 1500
/** A tokenizer worker serves many times the rate of the model on one core. */
const MOST_TOKENIZER_THREADS = 4
/** Bytes of token ids that are kept to know a repeat without tokenizing it; no more than for the rewards. */
const REMEMBERED_TOKENS = 32 * 1024 * 1024

/** Tokenizer workers, each of which holds a tokenizer of its own. */
export function tokenizerThreads({ tokenizerThreads: asked }: Pick<ServeOptions, 'tokenizerThreads'>): number {
  return asked || Math.min(MOST_TOKENIZER_THREADS, usableThreads())
}

/** A bundle that was read and checked, of which nothing runs yet. */
export interface OpenedBundle extends Bundle {
  readonly reference: Reference | null
  readonly contracts: ContractSettings
}

/**
 * Reads the bundle of `--model` and holds the options against it. A link is followed now: the engine, when it has to be
 * started again, reads the same bundle, wherever the link leads by then.
 * @throws ArmormError bundle_missing, bundle_invalid, bundle_checksum, provider_unavailable, invalid_config
 */
export async function openBundle(options: ServeOptions): Promise<OpenedBundle> {
  // A folder that is not there is the manifest's error to name.
  const { folder, manifest } = await loadBundle(await realpath(options.model).catch(() => options.model))
  if (!manifest.backbone.providers.includes(options.provider)) {
    throw new ArmormError(
      'provider_unavailable',
      `the bundle is exported for ${manifest.backbone.providers.join(', ')}, not for ${options.provider}`,
      { provider: options.provider, available: manifest.backbone.providers }
    )
  }
  const reference = await loadReference(folder, manifest)
  return { folder, manifest, reference, contracts: contractSettings(options, manifest, reference) }
}

/** What a model shares with the one that is in service after it. */
export interface Surroundings {
  readonly options: ServeOptions
  readonly logger: Logger
  readonly metrics: Metrics
  readonly loadMeter: LoadMeter
  readonly store: ExplainStore
  /** Of which those that are loaded are, until they end. */
  readonly live: LiveModels<LoadedModel>
  /** Contracts whose requests are bulk work where they do not say otherwise. */
  readonly bulk: ReadonlySet<Protocol>
  readonly engineProgram?: string
  /** Told when the engine of a model that was loaded has failed for good. */
  readonly onFailed: (engine: EngineSupervisor) => void
}

export interface LoadedModel extends ServedModel {
  readonly reference: Reference | null
  readonly admission: Admission
  readonly engine: EngineSupervisor
  readonly queue: BatchQueue
  readonly cache: RewardCache
  /** Ends it, once nobody holds it. */
  retire(): Promise<void>
  /** Ends it now: what waits is refused. */
  close(): Promise<void>
}

/**
 * Starts tokenizer and engine, warms up, and has the engine pass the self-test.
 * @param before - the model in service, whose remembered rewards the new one keeps
 * @throws ArmormError what keeps the bundle from being served; nothing of it runs then
 */
export async function loadModel(
  opened: OpenedBundle,
  { options, logger, metrics, loadMeter, store, live, bulk, engineProgram, onFailed }: Surroundings,
  before?: LoadedModel
): Promise<LoadedModel> {
  const { folder, manifest, reference, contracts } = opened
  const { name, revision } = manifest.model
  logger.info({ model: name, revision }, 'loading')
  const maxTokens = Math.min(options.maxTokens || manifest.max_tokens, manifest.max_tokens)
  const tokenizer = await bundleTokenizer(opened, {
    maxTokens,
    threads: tokenizerThreads(options),
    deadlineMs: options.tokenizerDeadline
  })
  let loaded = false
  const engine: EngineSupervisor = new EngineSupervisor({
    folder,
    provider: options.provider,
    threads: options.threads || usableThreads(),
    warmUp: {
      vocabSize: manifest.backbone.vocab_size,
      maxTokens,
      maxBatchTokens: options.maxBatchTokens,
      maxBatchSequences: options.maxBatchSequences,
      budgetMs: WARM_UP_MS
    },
    exactTokens: exactTokensOf(manifest),
    objectives: manifest.objectives.length,
    proof: selfTestProof(manifest),
    ...(engineProgram !== undefined && { program: engineProgram }),
    ...(options.runTimeout >= 0 && { runTimeoutMs: options.runTimeout }),
    onEvent: (event: EngineEvent) => {
      logger[event.type === 'failed' ? 'fatal' : 'warn']({ event, revision }, 'engine')
      if (event.type === 'fault') metrics.engineFault(event.reason)
      if (event.type === 'bisection') metrics.engineBisection()
      if (event.type === 'failed' && loaded) onFailed(engine)
    }
  })
  try {
    await engine.load()
    logger.info(engine.capacity(), 'engine loaded')
    await selfTest(manifest, engine)
    loaded = true
  } catch (error) {
    await Promise.all([engine.close(), tokenizer.close()])
    throw error
  }
  const queue = new BatchQueue(engine, {
    objectives: manifest.objectives.length,
    maxBatchTokens: options.maxBatchTokens,
    maxBatchSequences: options.maxBatchSequences,
    onBatch: (info) => {
      metrics.batch(info)
      loadMeter.batchEnded(info.runMs)
    },
    onDrop: (reason) => metrics.dropped(reason)
  })
  const admission = new Admission(queue, {
    maxTokens: options.maxQueueTokens,
    maxConversations: options.maxQueueConversations,
    maxLineRequests: options.maxLineRequests,
    maxLineBytes: options.maxLineBytes,
    onRefusal: (reason) => metrics.refused(reason)
  })
  const cache = new RewardCache(queue, { maxBytes: options.cacheBytes, revision }, before?.cache)
  const tokens = new RememberedTokens(tokenizer, Math.min(REMEMBERED_TOKENS, options.cacheBytes))
  const door = new Door({
    admission,
    tokens,
    cache,
    queue,
    maxTokens,
    maxRequestTokens: options.maxRequestTokens,
    bulk
  })
  const holders = new Holders()
  const close = async (): Promise<void> => {
    queue.close()
    live.end(model)
    await Promise.all([engine.close(), tokenizer.close()])
  }
  const model: LoadedModel = {
    manifest,
    reference,
    admission,
    load: {
      // What the model before has still to do takes the same cores.
      get outstandingTokens() {
        return live.sum((each) => each.admission.outstandingTokens)
      },
      get limitTokens() {
        return admission.limitTokens
      }
    },
    provider: options.provider,
    maxTokens,
    scorer: new Scorer({ manifest, tokenizer: tokens, rater: cache, store, observer: metrics, door }),
    engine,
    contracts,
    since: Math.floor(Date.now() / 1000),
    hold: () => holders.hold(),
    queue,
    cache,
    retire: async () => {
      await holders.gone()
      await close()
    },
    close
  }
  live.add(model)
  return model
}

/**
 * A model that is read anew from `--model`, beside the one in service.
 * @throws ArmormError not_enough_memory; as `openBundle` and `loadModel` do
 */
export async function loadAgain(surroundings: Surroundings, before: LoadedModel): Promise<LoadedModel> {
  const opened = await openBundle(surroundings.options)
  // On a GPU the weights are in its memory, of which nothing is known here.
  if (surroundings.options.provider === 'cpu') requireMemory(leastEngineBytes(opened.manifest), memoryRoom())
  return loadModel(opened, surroundings, before)
}

/** Without this the kernel would decide which of the two models has to go. @throws ArmormError not_enough_memory */
export function requireMemory(least: number, room: Pick<MemoryRoom, 'available'> | null): void {
  if (room === null || least <= room.available) return
  const message = `the model takes ${least} bytes of memory at least, beside the one in service, and ${room.available} are free`
  throw new ArmormError('not_enough_memory', message, { needed: least, available: room.available })
}
