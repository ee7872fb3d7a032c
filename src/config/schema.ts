/**
 * The options of `armorm serve`, from one schema: a property `maxBatchTokens` is the flag `--max-batch-tokens`, the
 * environment variable `ARMORM_MAX_BATCH_TOKENS` and the key `maxBatchTokens` of a configuration file.
 */
import { type Static, Type } from 'typebox'
import { FAMILIES } from '../text/rendered/index.js'

const MEBIBYTE = 1024 * 1024

export const ServeOptions = Type.Object(
  {
    model: Type.String({ minLength: 1, default: 'models/default', description: 'bundle folder to serve' }),
    host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address to listen on' }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 8080,
      description: 'port to listen on; 0: any free one'
    }),
    apiKeys: Type.String({
      minLength: 1,
      default: 'none',
      description:
        'file of API keys, one a line, name:key or bare; every route but the probes then asks for one. Read anew when it changes; none: no key is asked for'
    }),
    adminHost: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address of --admin-port' }),
    adminPort: Type.Integer({
      minimum: -1,
      maximum: 65535,
      default: -1,
      description:
        'port for metrics, /docs and /admin alone, which the other port then has no more; 0: any free one; -1: one port for all'
    }),
    provider: Type.Enum(['cpu', 'cuda'], { default: 'cpu', description: 'execution provider' }),
    threads: Type.Integer({
      minimum: 0,
      maximum: 1024,
      default: 0,
      description: 'threads of the engine; 0: as many as cores and the cgroup quota allow'
    }),
    tokenizerThreads: Type.Integer({
      minimum: 0,
      maximum: 64,
      default: 0,
      description: 'tokenizer workers; 0: chosen'
    }),
    tokenizerDeadline: Type.Integer({
      minimum: 1,
      maximum: 3_600_000,
      default: 10_000,
      description: 'milliseconds that tokenizing one conversation may take'
    }),
    maxTokens: Type.Integer({
      minimum: 0,
      maximum: 1_048_576,
      default: 0,
      description: "longest conversation in tokens; 0: the model's own limit, which it cannot exceed"
    }),
    maxBatchTokens: Type.Integer({
      minimum: 1,
      maximum: 16_777_216,
      default: 8192,
      description: 'tokens of one batch at most, a shared prompt counted once; a longer conversation runs alone'
    }),
    maxBatchSequences: Type.Integer({
      minimum: 1,
      maximum: 4096,
      default: 64,
      description: 'conversations of one batch'
    }),
    bodyLimit: Type.Integer({
      minimum: 1024,
      maximum: 1024 * MEBIBYTE,
      default: 64 * MEBIBYTE,
      description: 'bytes of a request body'
    }),
    maxInputs: Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      default: 4096,
      description: 'conversations of one request'
    }),
    maxQueueTokens: Type.Integer({
      minimum: 0,
      maximum: 1_073_741_824,
      default: 0,
      description:
        'tokens that may wait to be computed; 0: what the measured rate serves in a minute, and any one request where none wait'
    }),
    maxQueueConversations: Type.Integer({
      minimum: 1,
      maximum: 16_777_216,
      default: 16_384,
      description: 'conversations that may wait to be computed'
    }),
    maxLineRequests: Type.Integer({
      minimum: 0,
      maximum: 16_777_216,
      default: 16_384,
      description: 'requests that may wait for room in the queue, of contracts whose clients a refusal would end'
    }),
    maxLineBytes: Type.Integer({
      minimum: 0,
      maximum: 1024 * 1024 * MEBIBYTE,
      default: 256 * MEBIBYTE,
      description: 'bytes of text that they may hold'
    }),
    bulkContracts: Type.String({
      minLength: 1,
      default: 'none',
      description:
        'contracts whose requests are bulk work where x-priority does not say otherwise; none or labels with commas'
    }),
    maxJsonDepth: Type.Integer({
      minimum: 8,
      maximum: 1000,
      default: 64,
      description: 'objects and arrays of a body within each other'
    }),
    maxJsonValues: Type.Integer({
      minimum: 16,
      maximum: 1024 * MEBIBYTE,
      default: MEBIBYTE,
      description: 'texts (keys too), objects and arrays of a body; numbers are not counted'
    }),
    maxHeaderBytes: Type.Integer({
      minimum: 1024,
      maximum: MEBIBYTE,
      default: 16_384,
      description: 'bytes of URL and headers together'
    }),
    headersTimeout: Type.Integer({
      minimum: 1,
      maximum: 86_400_000,
      default: 30_000,
      description: 'milliseconds in which URL and headers of a request arrive, from when the connection is there'
    }),
    receiveTimeout: Type.Integer({
      minimum: 1,
      maximum: 86_400_000,
      default: 120_000,
      description: 'milliseconds in which a whole request arrives'
    }),
    sendTimeout: Type.Integer({
      minimum: 1,
      maximum: 86_400_000,
      default: 60_000,
      description: 'milliseconds for which a client may take nothing of its reply'
    }),
    maxRequestTokens: Type.Integer({
      minimum: 0,
      maximum: 2 ** 31 - 1,
      default: 0,
      description:
        'tokens of the conversations of one request together; 0: as many as --max-inputs and --max-tokens let'
    }),
    maxConnections: Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      default: 8192,
      description: 'open connections, those of --admin-port not counted; more are answered 503 and closed'
    }),
    requestTimeout: Type.Integer({
      minimum: 0,
      maximum: 86_400_000,
      default: 0,
      description: 'milliseconds in which a request without x-request-timeout-ms is answered or refused; 0: no limit'
    }),
    runTimeout: Type.Integer({
      minimum: -1,
      maximum: 86_400_000,
      default: -1,
      description:
        'milliseconds that the engine may take for one batch before it counts as hung and is started again; -1: many times what the measured rate promises, a minute at least; 0: no limit'
    }),
    cacheBytes: Type.Integer({
      minimum: 0,
      maximum: 1024 * 1024 * MEBIBYTE,
      default: 64 * MEBIBYTE,
      description: 'bytes for rewards kept to answer exact repeats; 0: keep none'
    }),
    explainBytes: Type.Integer({
      minimum: 0,
      maximum: 1024 * 1024 * MEBIBYTE,
      default: 64 * MEBIBYTE,
      description: 'bytes for explanations kept for GET /explain/:explain_id; 0: keep none'
    }),
    explainTtl: Type.Integer({
      minimum: 1,
      maximum: 2_592_000,
      default: 3600,
      description: 'seconds that an explanation is kept'
    }),
    scoreScale: Type.Number({
      minimum: 1e-6,
      maximum: 1e6,
      default: 1,
      description: "contracts' reward = scale * score + offset; raw ratings stay as they are"
    }),
    scoreOffset: Type.Number({
      minimum: -1e6,
      maximum: 1e6,
      default: 0,
      description: 'added to the scaled score'
    }),
    failedScore: Type.String({
      minLength: 1,
      default: 'auto',
      description:
        "score of a conversation that cannot be scored, where a contract needs a number; auto: the lowest of the bundle's reference.json, else 0; refuse: its error answers the request"
    }),
    extraObjectives: Type.String({
      minLength: 1,
      default: 'all',
      description: 'objectives beside the reward, where a contract has room for them; all, none or names with commas'
    }),
    assumeTemplate: Type.Enum(['auto', ...FAMILIES], {
      default: 'auto',
      description: 'chat template of the text that trainers send'
    }),
    thinkingBlocks: Type.Enum(['keep', 'drop'], {
      default: 'drop',
      description: 'what becomes of thinking blocks in the text that trainers send'
    }),
    adminReload: Type.Enum(['off', 'on'], {
      default: 'off',
      description:
        'whether POST /admin/reload is there (see --admin-port for who reaches it). SIGHUP reloads in any case'
    }),
    drainDelay: Type.Integer({
      minimum: 0,
      maximum: 3600,
      default: 0,
      description: 'seconds in which work is still taken when asked to stop, while /readyz already answers 503'
    }),
    shutdownDeadline: Type.Integer({
      minimum: 0,
      maximum: 3600,
      default: 8,
      description: 'seconds to finish what is in flight when asked to stop, after --drain-delay'
    }),
    otlpEndpoint: Type.String({
      minLength: 1,
      default: 'auto',
      description:
        'URL of an OpenTelemetry collector that takes OTLP over HTTP, to which traces go; none: no traces; auto: none unless OTEL_EXPORTER_OTLP_ENDPOINT is set'
    }),
    traceRatio: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 1,
      description:
        'part of the requests that are traced, of those whose caller has not decided it; 1: all, or what OTEL_TRACES_SAMPLER says'
    }),
    logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'info',
      description: 'least severe level to log'
    })
  },
  { additionalProperties: false }
)
export type ServeOptions = Static<typeof ServeOptions>
export type OptionName = keyof ServeOptions

export const OPTION_NAMES = Object.keys(ServeOptions.properties) as OptionName[]

/** One option's schema, with the keywords that options use. */
interface OptionSchema {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly default: string | number
  readonly description: string
}

export function optionSchema(name: OptionName): OptionSchema {
  // TypeBox's types leave out the keywords that its values hold.
  return ServeOptions.properties[name] as unknown as OptionSchema
}

/** `maxBatchTokens` -> `--max-batch-tokens` */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `maxBatchTokens` -> `ARMORM_MAX_BATCH_TOKENS` */
export function variableOf(name: string): string {
  return `ARMORM_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** What an option may be, in words. */
export function allowedFor(name: OptionName): string {
  const schema = optionSchema(name)
  if (schema.enum) return `one of ${schema.enum.join(', ')}`
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'number') return `a number from ${schema.minimum} to ${schema.maximum}`
  return 'a text that is not empty'
}
