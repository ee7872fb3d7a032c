/**
 * API keys in the path, for clients that send no headers of their own: `/k/<key>/score` is `/score`. The key is taken
 * out before anything else sees the URL: routes, logs and errors know the rest alone.
 */
import type { IncomingMessage } from 'node:http'

const PREFIX = /^\/k\/([^/?]+)(?=\/)/

/** Of requests under way. */
const keys = new WeakMap<IncomingMessage, string>()

/** The URL of a request without its key, which is remembered; any other URL as it is. */
export function withoutKey(request: IncomingMessage): string {
  const url = request.url ?? '/'
  const [prefix = '', key = ''] = PREFIX.exec(url) ?? []
  if (prefix === '') return url
  keys.set(request, decoded(key))
  const rest = url.slice(prefix.length)
  // Fastify keeps the URL as it came; nobody is to find the key there.
  Object.assign(request, { originalUrl: rest })
  return rest
}

/** The key that the URL of a request held. */
export function urlKeyOf(request: IncomingMessage): string | undefined {
  return keys.get(request)
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
