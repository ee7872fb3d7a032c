/** Probes, the list of models, metrics. None of them waits for the engine or the tokenizer. */
import { type FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { unreadiness } from '../lifecycle.js'
import { modelReply } from '../replies.js'
import { replies } from '../schemas/results.js'
import { Alive, Health, Models, Ready } from '../schemas/status.js'
import type { ServerServices } from '../services.js'

const config = { quiet: true }
/** Says no more than yes or no, so that whoever watches the server needs no API key. */
const open = { ...config, open: true }
const tags = ['operation']

export async function statusRoutes(app: FastifyInstance, services: ServerServices): Promise<void> {
  const { served, lifecycle, metrics } = services

  const requireReady = () => {
    const error = unreadiness(lifecycle, served.current.engine)
    if (error) throw error
  }

  app.get(
    '/livez',
    { schema: { tags, summary: 'Whether the process answers', security: [], response: replies(Alive) }, config: open },
    async () => ({ status: 'alive' })
  )

  app.get(
    '/readyz',
    {
      schema: {
        tags,
        summary: 'Whether the server takes work',
        description:
          '503 until the self-test of the bundle passed, while the engine restarts, and once a stop was asked for.',
        security: [],
        response: replies(Ready)
      },
      config: open
    },
    async () => {
      requireReady()
      return { status: 'ready' }
    }
  )

  app.get(
    '/health',
    { schema: { tags, summary: 'As /readyz, with the state of the engine', response: replies(Health) }, config },
    async () => {
      requireReady()
      const { manifest, engine } = served.current
      return { status: 'ready', model: modelReply(manifest), engine: engine.health() }
    }
  )

  app.get(
    '/v1/models',
    {
      schema: { tags, summary: 'The model that is served, as OpenAI and KServe list models', response: replies(Models) }
    },
    async () => {
      const { manifest, provider, maxTokens, since } = served.current
      const { model, backbone, heads, objectives, tokenizer } = manifest
      return {
        object: 'list',
        models: [model.name],
        data: [
          {
            id: model.name,
            object: 'model',
            created: since,
            owned_by: 'armorm-server',
            revision: model.revision,
            source: model.source,
            licence: model.licence,
            precision: backbone.precision,
            provider,
            max_tokens: maxTokens,
            tokenizer,
            logit_scale: heads.logit_scale,
            objectives: objectives.map(({ name, source_set }) => ({ name, source_set }))
          }
        ]
      }
    }
  )

  app.get(
    '/metrics',
    {
      schema: {
        tags,
        summary: 'Metrics for Prometheus',
        response: replies({ description: 'Text format.', content: { 'text/plain': { schema: Type.String() } } })
      },
      // Text leaves as it is.
      serializerCompiler: () => String,
      config
    },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics())
  )
}
