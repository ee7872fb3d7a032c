/** The HTTP application: takes services, returns a Fastify instance that listens nowhere yet. */
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { readJsonBodies } from './json-body.js'
import { admission } from './plugins/admission.js'
import { answerClientError, errors, recognise, sendError } from './plugins/errors.js'
import { metrics } from './plugins/metrics.js'
import { openapi } from './plugins/openapi.js'
import { requestContext, requestId } from './plugins/request-context.js'
import { explainRoutes } from './routes/explain.js'
import { scoreRoutes } from './routes/score.js'
import { statusRoutes } from './routes/status.js'
import type { Services } from './services.js'
import { validatorCompiler } from './validation.js'

/** Milliseconds in which a request has to arrive; a reply may take as long as it takes. */
const REQUEST_TIMEOUT = 120_000

export async function createApp(services: Services, logger?: FastifyBaseLogger): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    ...(logger && { loggerInstance: logger }),
    // The one line a request gets comes from plugins/request-context.ts: Fastify's own carry the URL.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: services.limits.bodyLimit,
    requestTimeout: REQUEST_TIMEOUT,
    // The admission plugin answers in our own words, and lets probes through, while the server drains.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      const known = recognise(error, services.limits)
      services.metrics.requestRefused('unmatched', request.method, known.status)
      services.metrics.error(known.code)
      request.errorCode = known.code
      request.log.info(
        { method: request.method, route: 'unmatched', status: known.status, code: known.code },
        'request'
      )
      void sendError(known, request, reply.header('x-request-id', request.id))
    }
  })
  readJsonBodies(app)
  app.setValidatorCompiler(validatorCompiler)
  // Every number was checked to be finite before it came here.
  app.setSerializerCompiler(() => JSON.stringify)

  await app.register(errors, { limits: services.limits })
  await app.register(requestContext)
  await app.register(metrics, services)
  await app.register(admission, services)
  await app.register(openapi)
  await app.register(scoreRoutes, services)
  await app.register(explainRoutes, services)
  await app.register(statusRoutes, services)
  return app
}
