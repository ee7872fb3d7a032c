/**
 * `armorm serve`. The order of start-up: options, bundle with its checksums, tokenizer, engine, self-test, and only
 * then the port is opened: whoever can connect can be served, and a bundle that fails never listens.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { CONFIG_OPTION, resolveConfig } from '../config/resolve.js'
import { flagOf, OPTION_NAMES, optionSchema, type ServeOptions, variableOf } from '../config/schema.js'
import { ArmormError } from '../errors.js'
import { AdminListener } from '../http/admin-listener.js'
import { createApp } from '../http/app.js'
import { isLoopback } from '../http/auth/access.js'
import { KeyFile } from '../http/auth/key-file.js'
import { bulkContracts } from '../http/contracts/bulk.js'
import { drain } from '../http/drain.js'
import { listen } from '../http/listen.js'
import { Lifecycle, unreadiness } from '../http/lifecycle.js'
import { LoadMeter } from '../http/load-meter.js'
import { createLogger, type Logger } from '../http/logger.js'
import { Metrics } from '../metrics.js'
import { tracesUrl } from '../tracing/endpoint.js'
import type { Tracing } from '../tracing/tracing.js'
import { ExplainStore } from '../scoring/explain-store.js'
import { LiveModels } from './live-models.js'
import { loadAgain, type LoadedModel, loadModel, openBundle, type Surroundings } from './loaded-model.js'
import { Reloader } from './reloader.js'
import { StopSignals } from './stop-signals.js'

/** Milliseconds for the last replies when the engine is given up. */
const GIVE_UP_MS = 1000
/** Milliseconds before the end of a stop at which those who still wait for room are told. */
const LAST_WORDS_MS = 500

/** Milliseconds for the last traces; at a stop within its deadline. */
const LAST_TRACES_MS = 2000

/** @param engineProgram - stands in for the engine's, in measurements of what is around it */
export function serveCommand(engineProgram?: string): Command {
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
    await serve(resolveConfig({ flags, env: process.env }), engineProgram)
  })
}

/** Starts the server and arranges for its end. @throws ArmormError whatever keeps it from starting. */
async function serve(options: ServeOptions, engineProgram?: string): Promise<void> {
  const logger = createLogger(options.logLevel)
  const signals = new StopSignals(logger)
  const keyFile = keyFileOf(options, logger)
  const tracesTo = tracesUrl(options.otlpEndpoint, process.env)
  const admin = options.adminPort < 0 ? null : new AdminListener(options.adminHost, options.adminPort, options)
  const opened = await openBundle(options)
  const lifecycle = new Lifecycle()
  let giveUp = async (): Promise<void> => process.exit(1)
  const store = new ExplainStore({ maxBytes: options.explainBytes, ttlMs: options.explainTtl * 1000 })
  const live = new LiveModels<LoadedModel>()
  const metrics: Metrics = new Metrics(opened.manifest, opened.reference, options.provider, {
    queueDepth: () => live.sum(({ queue }) => queue.depth),
    queuedTokens: () => live.sum(({ queue }) => queue.queuedTokens),
    queueLimit: () => slot.current.admission.limitTokens,
    tokenizingTokens: () => live.sum(({ admission }) => admission.reservedTokens),
    lineRequests: () => live.sum(({ admission }) => admission.lineRequests),
    lineBytes: () => live.sum(({ admission }) => admission.lineBytes),
    targetTokens: () => slot.current.queue.targetTokens,
    tokensPerSecond: () => slot.current.queue.tokensPerSecond,
    engineRestarts: () => live.restarts,
    engineReady: () => slot.current.engine.health().state === 'ready',
    explainEntries: () => store.size,
    explainBytes: () => store.bytes,
    cacheBytes: () => slot.current.cache.bytes,
    ready: () => unreadiness(lifecycle, slot.current.engine) === null
  })
  const tracing = tracesTo && (await openTraces(tracesTo, options, metrics, logger))
  const loadMeter = new LoadMeter()
  const surroundings: Surroundings = {
    options,
    logger,
    metrics,
    loadMeter,
    store,
    live,
    bulk: bulkContracts(options.bulkContracts),
    ...(engineProgram !== undefined && { engineProgram }),
    // Of a model that is not in service, yet or any more, nobody needs the server to end.
    onFailed: (engine) => {
      if (slot.current.engine === engine) void giveUp()
    }
  }
  const slot: { current: LoadedModel } = { current: await loadModel(opened, surroundings) }
  const reloader = new Reloader({
    slot,
    load: (current) => loadAgain(surroundings, current),
    logger,
    onEnd: (outcome) => {
      if ('model' in outcome) metrics.serves(outcome.model.manifest, outcome.model.reference, options.provider)
      metrics.reload('model' in outcome ? 'ok' : outcome.error)
    }
  })
  const app = await createApp(
    {
      served: slot,
      store,
      lifecycle,
      metrics,
      loadMeter,
      limits: options,
      access: {
        keys: keyFile?.ring ?? null,
        operators: admin?.sockets ?? null,
        loopback: isLoopback(admin ? options.adminHost : options.host)
      },
      ...(tracing && { tracing }),
      ...(options.adminReload === 'on' && { reload: () => reloader.reload() })
    },
    logger
  )
  /** Whoever runs the server restarts a process that ends, not one that answers nothing for good. */
  giveUp = async () => {
    // What is in flight has been refused just now, and is told so.
    reloader.stop()
    slot.current.admission.close(new ArmormError('engine_unavailable', 'the engine has failed'))
    await drain(app, lifecycle, { deadlineMs: GIVE_UP_MS })
    await tracing?.close(LAST_TRACES_MS)
    process.exit(1)
  }
  signals.stop = async () => {
    const [delayMs, deadlineMs] = [options.drainDelay * 1000, options.shutdownDeadline * 1000]
    const deadline = delay(delayMs + deadlineMs, undefined, { ref: false })
    reloader.stop()
    // Whoever stands in line by then would be cut without a word.
    const refuse = () => slot.current.admission.close(new ArmormError('shutting_down', 'the server is shutting down'))
    setTimeout(refuse, delayMs + Math.max(0, deadlineMs - LAST_WORDS_MS)).unref()
    const finished = await drain(app, lifecycle, { delayMs, deadlineMs })
    admin?.close()
    // A run that nobody waits for any more may outlast the deadline: the engine's process ends with this one.
    if (finished) {
      await Promise.race([Promise.all([slot.current.close(), tracing?.close(LAST_TRACES_MS)]), deadline])
    }
    return finished
  }
  // The log has the outcome.
  signals.reload = () => void reloader.reload().catch(() => undefined)
  lifecycle.becomeReady()
  if (admin) logger.info(`metrics, docs and admin at ${await admin.open(app)}`)
  await listen(app, options)
  if (!keyFile && !isLoopback(options.host)) {
    logger.warn({ host: options.host }, 'no API keys are set: whoever reaches this address can score')
  }
}

/** Has traces exported; what does it is loaded here, and nowhere else. */
async function openTraces(url: URL, { traceRatio }: ServeOptions, metrics: Metrics, logger: Logger): Promise<Tracing> {
  const { openTracing } = await import('../tracing/otlp.js')
  // The rest of the URL may hold a password.
  logger.info({ collector: url.origin, ratio: traceRatio }, 'traces are exported')
  return openTracing({
    url,
    ratio: traceRatio,
    onSpans: (outcome, count) => metrics.traceSpans(outcome, count),
    warn: (facts, message) => logger.warn(facts, message)
  })
}

/** The file of API keys, watched; null where none is set. @throws ArmormError invalid_config */
function keyFileOf({ apiKeys }: ServeOptions, logger: Logger): KeyFile | null {
  if (apiKeys === 'none') return null
  const file = new KeyFile(apiKeys, logger)
  file.watch()
  return file
}
