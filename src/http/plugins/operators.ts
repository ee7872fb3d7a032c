/**
 * Who reaches what is for operators: metrics, documents and whatever lies under /admin. Where there is a listener of
 * their own, it has these routes and the probes, and the other has all else. Routes under /admin change the running
 * server: on the one listener for all they need an API key, or an address that only this machine reaches.
 */
import type { FastifyInstance, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { ArmormError } from '../../errors.js'
import { isAddressHost } from '../auth/access.js'
import type { Services } from '../services.js'
import { noSuchRoute } from './errors.js'

/** Paths of the routes that are for operators. */
const OPERATORS = /^\/(?:admin|docs|metrics)(?=\/|$)/
const CHANGES = /^\/admin(?=\/|$)/

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For operators; set by the route's path. */
    operators?: 'read' | 'change'
  }
}

function plugin(app: FastifyInstance, { access }: Pick<Services, 'access'>, done: () => void): void {
  const { operators, keys, loopback } = access
  app.addHook('onRoute', (route: RouteOptions) => {
    if (OPERATORS.test(route.url)) route.config = { ...route.config, operators: kindOf(route.url) }
  })
  app.addHook('onRequest', async (request) => {
    const { open, operators: kind } = request.routeOptions.config
    // Browsers name the page that asks; no page has business here, and one may reach addresses that its owner cannot.
    if (kind === 'change' && request.headers.origin !== undefined) {
      throw new ArmormError('forbidden', 'routes under /admin are not for web pages: the request has the header Origin')
    }
    if (operators) {
      // Of a route that is not there by this method, the path says whose it is.
      const theirs = kind !== undefined || OPERATORS.test(request.url)
      if (!open && theirs !== operators.has(request.raw.socket)) throw noSuchRoute()
    } else if (kind === 'change' && !keys && !loopback) {
      const message =
        'routes under /admin need API keys, a listener of their own (--admin-port) or a --host that only this machine reaches'
      throw new ArmormError('forbidden', message)
    }
    // Keys are nothing that a page has; and an address that others reach may have any name.
    if (kind === 'change' && !keys && loopback && !isAddressHost(request.headers.host ?? 'localhost')) {
      const message =
        'routes under /admin are for programs on this machine: the header Host is neither an address nor localhost'
      throw new ArmormError('forbidden', message)
    }
  })
  done()
}

export const operatorRoutes = fp(plugin, { name: 'operators', dependencies: ['errors', 'auth'] })

function kindOf(url: string): 'read' | 'change' {
  return CHANGES.test(url) ? 'change' : 'read'
}
