/** The HTTP application: takes services, returns a Fastify instance that listens nowhere yet. */
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { CONTRACTS } from './contracts/index.js'
import { registerContracts } from './contracts/register.js'
import { readJsonBodies } from './json-body.js'
import { withoutKey } from './auth/url-key.js'
import { afterReplies } from './pipeline.js'
import { admission } from './plugins/admission.js'
import { auth } from './plugins/auth.js'
import { connections } from './plugins/connections.js'
import { answerClientError, errors, recognise, sendError } from './plugins/errors.js'
import { openapi } from './plugins/openapi.js'
import { operatorRoutes } from './plugins/operators.js'
import { followRequest, requestEnd } from './plugins/request-end.js'
import { nameReply, requestId, requestIds } from './plugins/request-id.js'
import { adminRoutes } from './routes/admin.js'
import { explainRoutes } from './routes/explain.js'
import { statusRoutes } from './routes/status.js'
import type { Limits, ServerServices } from './services.js'
import { validatorCompiler } from './validation.js'

/** Milliseconds between looks for requests that are out of time, at most; else a quarter of the shortest time. */
const LONGEST_CHECK = 5000

/** Milliseconds between looks for requests that are out of time. */
export function checkingInterval({
  headersTimeout,
  receiveTimeout
}: Pick<Limits, 'headersTimeout' | 'receiveTimeout'>): number {
  return Math.ceil(Math.min(LONGEST_CHECK, headersTimeout / 4, receiveTimeout / 4))
}

export async function createApp(services: ServerServices, logger?: FastifyBaseLogger): Promise<FastifyInstance> {
  const { limits, metrics, access } = services
  const app: FastifyInstance = fastify({
    ...(logger && { loggerInstance: logger }),
    // The one line a request gets comes from plugins/request-end.ts: Fastify's own carry the URL.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    ...(access.keys && { rewriteUrl: withoutKey }),
    bodyLimit: limits.bodyLimit,
    // In which a request has to arrive; a reply may take as long as it takes.
    requestTimeout: limits.receiveTimeout,
    http: {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: Math.min(limits.headersTimeout, limits.receiveTimeout),
      connectionsCheckingInterval: checkingInterval(limits)
    },
    // The admission plugin answers in our own words, and lets probes through, while the server drains.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      afterReplies(socket, () => {
        const known = answerClientError(error, socket)
        if (known) metrics.error(known.code)
      })
    },
    frameworkErrors: (error, request, reply) => {
      // No hook runs for these.
      followRequest(request, reply, metrics)
      void sendError(recognise(error, limits), request, nameReply(request, reply, services.tracing))
    }
  })
  // Node answers an expectation it does not know by a 417 without a word; it may as well be left alone.
  app.server.on('checkExpectation', (...asked: unknown[]) => app.server.emit('request', ...asked))
  readJsonBodies(app, limits)
  app.setValidatorCompiler(validatorCompiler)
  // Every number was checked to be finite before it came here.
  app.setSerializerCompiler(() => JSON.stringify)

  await app.register(errors, { limits })
  await app.register(requestIds, services)
  await app.register(requestEnd, services)
  await app.register(connections, services)
  await app.register(auth, services)
  await app.register(operatorRoutes, services)
  await app.register(admission, services)
  await app.register(openapi)
  await app.register(async (scope) => registerContracts(scope, services, CONTRACTS))
  await app.register(explainRoutes, services)
  await app.register(statusRoutes, services)
  await app.register(adminRoutes, services)
  return app
}
