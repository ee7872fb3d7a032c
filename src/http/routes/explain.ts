import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { ArmormError } from '../../errors.js'
import { explain } from '../../scoring/explanation.js'
import type { StoredReward } from '../../scoring/explain-store.js'
import type { Conversation, Truncation } from '../../text/conversation.js'
import { Client, WorkHeaders } from '../client.js'
import { conversation, parseInput } from '../input-forms.js'
import { requireModel } from '../model.js'
import { explanationReply } from '../replies.js'
import { ExplainEnvelope, ExplainParams, ExplainQuery, ExplainReply, ExplainRequest } from '../schemas/explain.js'
import { replies } from '../schemas/results.js'
import { holding, nameModel, type ServerServices, type Services, servicesNow } from '../services.js'
import { bodyHeldAgainst } from '../validation.js'

export async function explainRoutes(base: FastifyInstance, server: ServerServices): Promise<void> {
  const app = base.withTypeProvider<TypeBoxTypeProvider>()
  const { store, limits } = server

  const explainOne = async (
    services: Services,
    caller: Client,
    asked: Conversation,
    truncation: Truncation = 'none'
  ) => {
    const { scorer, manifest } = services
    const options = { protocol: 'explain', truncation, keep: false, caller } as const
    return replyOf({ ...(await holding(services, () => scorer.scoreOne(asked, options))), manifest })
  }

  app.get(
    '/explain/:explain_id',
    {
      schema: {
        tags: ['scoring'],
        summary: 'Explain a result that /score returned',
        params: ExplainParams,
        response: replies(ExplainReply)
      }
    },
    async ({ params }) => {
      const stored = store.get(params.explain_id)
      if (stored) return { explain_id: params.explain_id, ...replyOf(stored) }
      throw new ArmormError(
        'explain_not_found',
        store.enabled
          ? 'no explanation is stored under this id: it expired, newer ones pushed it out, or it was never given out'
          : 'no explanation is stored under this id: this server keeps none'
      )
    }
  )

  app.get(
    '/explain',
    {
      schema: {
        tags: ['scoring'],
        summary: 'Score and explain a prompt and a response',
        description: 'URLs end up in the logs of proxies; POST /explain keeps texts out of them, and takes long ones.',
        headers: WorkHeaders,
        querystring: ExplainQuery,
        response: replies(ExplainReply)
      },
      config: { work: true }
    },
    async (request, reply) => {
      const { query } = request
      const caller = new Client(request, reply, limits)
      const services = servicesNow(server)
      nameModel(reply, services)
      requireModel(services.manifest, query.model)
      return explainOne(services, caller, conversation(query.prompt, query.response), query.truncation)
    }
  )

  app.post(
    '/explain',
    {
      schema: {
        tags: ['scoring'],
        summary: 'Score and explain one conversation',
        headers: WorkHeaders,
        body: ExplainRequest,
        response: replies(ExplainReply)
      },
      // The conversation is held against its form by `parseInput`, which says which forms there are.
      validatorCompiler: bodyHeldAgainst(ExplainEnvelope),
      config: { work: true }
    },
    async (request, reply) => {
      const caller = new Client(request, reply, limits)
      const { truncation, model, ...rest } = request.body as ExplainEnvelope
      const services = servicesNow(server)
      nameModel(reply, services)
      requireModel(services.manifest, model)
      if ('inputs' in rest) {
        throw new ArmormError('invalid_request', 'POST /explain takes one conversation as its body, not "inputs"')
      }
      const { id, input } = parseInput(rest, '')
      if (input.kind === 'refused') throw input.error
      if (input.kind === 'many') {
        throw new ArmormError('invalid_request', 'POST /explain takes one conversation: send "response"')
      }
      return {
        ...(id !== undefined && { id }),
        ...(await explainOne(services, caller, input.conversation, truncation))
      }
    }
  )
}

/** By the model that gave the reward, whichever is in service by now. */
function replyOf(reward: StoredReward) {
  const { heads, objectives } = reward.manifest
  const explanation = explain({ objectives, transform: heads.transform, logitScale: heads.logit_scale }, reward)
  return explanationReply(explanation, reward.usage, reward.manifest)
}
