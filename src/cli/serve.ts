/**
 * `armorm serve`. The order of start-up: options, bundle with its checksums, tokenizer, engine, self-test, and only
 * then the port is opened: whoever can connect can be served, and a bundle that fails never listens.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { loadBundle } from '../bundle/load.js'
import { loadReference } from '../bundle/reference.js'
import { exactTokensOf } from '../bundle/manifest.js'
import { selfTest, selfTestProof } from '../bundle/self-test.js'
import { CONFIG_OPTION, resolveConfig } from '../config/resolve.js'
import { flagOf, OPTION_NAMES, optionSchema, type ServeOptions, variableOf } from '../config/schema.js'
import { EngineSupervisor } from '../engine/supervisor.js'
import { usableThreads } from '../engine/threads.js'
import { ArmormError } from '../errors.js'
import { AdminListener } from '../http/admin-listener.js'
import { createApp } from '../http/app.js'
import { isLoopback } from '../http/auth/access.js'
import { KeyFile } from '../http/auth/key-file.js'
import { contractSettings } from '../http/contracts/settings.js'
import { drain } from '../http/drain.js'
import { listen } from '../http/listen.js'
import { Lifecycle, unreadiness } from '../http/lifecycle.js'
import { createLogger, type Logger } from '../http/logger.js'
import { Metrics } from '../metrics.js'
import { BatchQueue } from '../scheduling/batch-queue.js'
import { ExplainStore } from '../scoring/explain-store.js'
import { RewardCache } from '../scoring/reward-cache.js'
import { Scorer } from '../scoring/scorer.js'
import { TokenizerPool } from '../text/pool.js'
import { StopSignals } from './stop-signals.js'

/** Milliseconds of the start that go to measuring how large batches have to be. */
const WARM_UP_MS = 1500
/** Milliseconds for the last replies when the engine is given up. */
const GIVE_UP_MS = 1000
/** A tokenizer worker serves many times the rate of the model on one core. */
const MOST_TOKENIZER_THREADS = 4

export function serveCommand(): Command {
  const command = new Command('serve').description('serve a bundle over HTTP')
  command.addOption(
    new Option('--config <file>', `JSON file with these options by name (env: ${variableOf(CONFIG_OPTION)})`)
  )
  for (const name of OPTION_NAMES) {
    const { description, default: fallback } = optionSchema(name)
    const text = `${description} (env: ${variableOf(name)}, default: ${fallback})`
    command.addOption(new Option(`${flagOf(name)} <value>`, text))
  }
  return command.action(async (flags: Record<string, string | undefined>) => {
    await serve(resolveConfig({ flags, env: process.env }))
  })
}

/** Starts the server and arranges for its end. @throws ArmormError whatever keeps it from starting. */
async function serve(options: ServeOptions): Promise<void> {
  const logger = createLogger(options.logLevel)
  const signals = new StopSignals(logger)
  const keyFile = keyFileOf(options, logger)
  const admin = options.adminPort < 0 ? null : new AdminListener(options.adminHost, options.adminPort)
  const { folder, manifest } = await loadBundle(options.model)
  if (!manifest.backbone.providers.includes(options.provider)) {
    throw new ArmormError(
      'provider_unavailable',
      `the bundle is exported for ${manifest.backbone.providers.join(', ')}, not for ${options.provider}`,
      { provider: options.provider, available: manifest.backbone.providers }
    )
  }
  const contracts = contractSettings(options, manifest, await loadReference(folder, manifest))
  logger.info({ model: manifest.model.name, revision: manifest.model.revision }, 'loading')
  const lifecycle = new Lifecycle()
  const maxTokens = Math.min(options.maxTokens || manifest.max_tokens, manifest.max_tokens)
  const tokenizer = await TokenizerPool.create({
    folder,
    hasTokenizer: manifest.tokenizer,
    maxTokens,
    vocabSize: manifest.backbone.vocab_size,
    gatePattern: manifest.gate.pattern,
    threads: options.tokenizerThreads || Math.min(MOST_TOKENIZER_THREADS, usableThreads()),
    deadlineMs: options.tokenizerDeadline
  })
  let giveUp = async (): Promise<void> => process.exit(1)
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
    ...(options.runTimeout >= 0 && { runTimeoutMs: options.runTimeout }),
    onEvent: (event) => {
      logger[event.type === 'failed' ? 'fatal' : 'warn']({ event }, 'engine')
      if (event.type === 'fault') metrics.engineFault(event.reason)
      if (event.type === 'bisection') metrics.engineBisection()
      if (event.type === 'failed') void giveUp()
    }
  })
  const store = new ExplainStore({ maxBytes: options.explainBytes, ttlMs: options.explainTtl * 1000 })
  const metrics = new Metrics(manifest, options.provider, {
    queueDepth: () => queue.depth,
    queuedTokens: () => queue.queuedTokens,
    targetTokens: () => queue.targetTokens,
    tokensPerSecond: () => queue.tokensPerSecond,
    engineHealth: () => engine.health(),
    explainEntries: () => store.size,
    explainBytes: () => store.bytes,
    cacheBytes: () => cache.bytes,
    ready: () => unreadiness(lifecycle, engine) === null
  })
  await engine.load()
  logger.info(engine.capacity(), 'engine loaded')
  await selfTest(manifest, engine)

  const queue = new BatchQueue(engine, {
    objectives: manifest.objectives.length,
    maxBatchTokens: options.maxBatchTokens,
    maxBatchSequences: options.maxBatchSequences,
    onBatch: (info) => metrics.batch(info)
  })
  const cache = new RewardCache(queue, { maxBytes: options.cacheBytes, revision: manifest.model.revision })
  const app = await createApp(
    {
      manifest,
      provider: options.provider,
      maxTokens,
      scorer: new Scorer({ tokenizer, rater: cache, store, observer: metrics }),
      store,
      engine,
      lifecycle,
      metrics,
      limits: options,
      access: {
        keys: keyFile?.ring ?? null,
        operators: admin?.sockets ?? null,
        loopback: isLoopback(options.host)
      },
      contracts
    },
    logger
  )
  /** Whoever runs the server restarts a process that ends, not one that answers nothing for good. */
  giveUp = async () => {
    // What is in flight has been refused just now, and is told so.
    await drain(app, lifecycle, GIVE_UP_MS)
    process.exit(1)
  }
  signals.stop = async () => {
    const deadline = delay(options.shutdownDeadline * 1000, undefined, { ref: false })
    const finished = await drain(app, lifecycle, options.shutdownDeadline * 1000)
    queue.close()
    // A run that nobody waits for any more may outlast the deadline: the engine's process ends with this one.
    if (finished) await Promise.race([Promise.all([engine.close(), tokenizer.close()]), deadline])
    return finished
  }
  lifecycle.becomeReady()
  if (admin) logger.info(`metrics, docs and admin at ${await admin.open(app)}`)
  await listen(app, options)
  if (!keyFile && !isLoopback(options.host)) {
    logger.warn({ host: options.host }, 'no API keys are set: whoever reaches this address can score')
  }
}

/** The file of API keys, watched, and read again on SIGHUP; null where none is set. @throws ArmormError invalid_config */
function keyFileOf({ apiKeys }: ServeOptions, logger: Logger): KeyFile | null {
  if (apiKeys === 'none') return null
  const file = new KeyFile(apiKeys, logger)
  file.watch()
  process.on('SIGHUP', () => file.reload())
  return file
}
