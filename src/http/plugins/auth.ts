/** Where API keys are set, every route asks for one but those that are declared open; unknown URLs do too. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ArmormError } from '../../errors.js'
import { urlKeyOf } from '../auth/url-key.js'
import type { Services } from '../services.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without an API key: says no more than whether the server is up. */
    open?: boolean
  }
  interface FastifyRequest {
    /** Name of the API key that the request came with; null where none is asked for. */
    keyName: string | null
  }
}

function plugin(
  app: FastifyInstance,
  { access: { keys }, metrics }: Pick<Services, 'access' | 'metrics'>,
  done: () => void
): void {
  app.decorateRequest('keyName', null)
  if (keys) {
    app.addHook('onRequest', async (request, reply) => {
      if (request.routeOptions.config.open) return
      // Each is tried: OpenAI's client, say, sends a header of its own beside the key in its URL.
      for (const given of keysOf(request)) request.keyName ??= keys.nameOf(given)
      if (request.keyName === null) {
        void reply.header('www-authenticate', 'Bearer')
        throw new ArmormError(
          'unauthorized',
          'this server asks for an API key: send Authorization: Bearer <key> or X-API-Key, or put /k/<key> before the path'
        )
      }
      metrics.keyUsed(request.keyName)
    })
  }
  done()
}

export const auth = fp(plugin, { name: 'auth', dependencies: ['errors', 'request-end'] })

/** What a request offers as keys, in its headers and its URL. */
function keysOf({ headers, raw }: FastifyRequest): string[] {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  return [bearer, headers['x-api-key'], urlKeyOf(raw)].filter((key) => typeof key === 'string')
}
