/** Where traces go. */
import { ArmormError } from '../errors.js'

type Environment = Readonly<Record<string, string | undefined>>

/** OTLP over HTTP, below the endpoint's own path. */
const TRACES_PATH = 'v1/traces'
const ALL_SIGNALS = 'OTEL_EXPORTER_OTLP_ENDPOINT'
const TRACES_ONLY = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'

/**
 * The URL to which traces are posted; null where none are wanted.
 * @param option - a URL, `none`, or `auto`: what OpenTelemetry's own variables say
 * @throws ArmormError invalid_config naming what holds no URL; not the value, which may hold a password
 */
export function tracesUrl(option: string, env: Environment): URL | null {
  if (option === 'none') return null
  if (option !== 'auto') return below(option, '--otlp-endpoint')
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return null
  // The one for traces alone is complete: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
  if (env[TRACES_ONLY]) return parsed(env[TRACES_ONLY], TRACES_ONLY)
  return env[ALL_SIGNALS] ? below(env[ALL_SIGNALS], ALL_SIGNALS) : null
}

function below(text: string, source: string): URL {
  const url = parsed(text, source)
  url.pathname += `${url.pathname.endsWith('/') ? '' : '/'}${TRACES_PATH}`
  return url
}

function parsed(text: string, source: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new ArmormError('invalid_config', `${source} must be an http or https URL, like http://127.0.0.1:4318`, {
    source
  })
}
