import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { ArmormError } from '../../errors.js'
import { explain, type HeadsDescription } from '../../scoring/explanation.js'
import type { StoredReward } from '../../scoring/explain-store.js'
import type { Conversation, Truncation } from '../../text/conversation.js'
import { Client, WorkHeaders } from '../client.js'
import { conversation, parseInput } from '../input-forms.js'
import { requireModel } from '../model.js'
import { explanationReply } from '../replies.js'
import { ExplainEnvelope, ExplainParams, ExplainQuery, ExplainReply, ExplainRequest } from '../schemas/explain.js'
import { replies } from '../schemas/results.js'
import type { Services } from '../services.js'
import { bodyHeldAgainst } from '../validation.js'

export async function explainRoutes(base: FastifyInstance, services: Services): Promise<void> {
  const app = base.withTypeProvider<TypeBoxTypeProvider>()
  const { manifest, scorer, store, limits } = services
  const heads: HeadsDescription = {
    objectives: manifest.objectives,
    transform: manifest.heads.transform,
    logitScale: manifest.heads.logit_scale
  }
  const replyOf = (reward: StoredReward) => explanationReply(explain(heads, reward), reward.usage, manifest)

  const explainOne = async (caller: Client, asked: Conversation, truncation: Truncation = 'none') =>
    replyOf(await scorer.scoreOne(asked, { protocol: 'explain', truncation, keep: false, caller }))

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
      requireModel(manifest, query.model)
      return explainOne(caller, conversation(query.prompt, query.response), query.truncation)
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
      requireModel(manifest, model)
      if ('inputs' in rest) {
        throw new ArmormError('invalid_request', 'POST /explain takes one conversation as its body, not "inputs"')
      }
      const { id, input } = parseInput(rest, '')
      if (input.kind === 'refused') throw input.error
      if (input.kind === 'many') {
        throw new ArmormError('invalid_request', 'POST /explain takes one conversation: send "response"')
      }
      return { ...(id !== undefined && { id }), ...(await explainOne(caller, input.conversation, truncation)) }
    }
  )
}
