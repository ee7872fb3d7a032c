import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { ArmormError } from '../../errors.js'
import type { Reward } from '../../scoring/reward.js'
import { Client, TimeoutHeader } from '../client.js'
import { countConversations, parseInput } from '../input-forms.js'
import { requireModel } from '../model.js'
import { milliseconds, modelReply, resultReply, totalUsage, usageReply } from '../replies.js'
import { replies } from '../schemas/results.js'
import { RETURNABLE, ScoreEnvelope, ScoreReply, ScoreRequest } from '../schemas/score.js'
import type { Services } from '../services.js'
import { bodyHeldAgainst } from '../validation.js'

export async function scoreRoutes(base: FastifyInstance, services: Services): Promise<void> {
  const app = base.withTypeProvider<TypeBoxTypeProvider>()
  const { manifest, scorer, metrics, limits } = services
  const names = manifest.objectives.map(({ name }) => name)

  app.post(
    '/score',
    {
      schema: {
        tags: ['scoring'],
        summary: 'Score conversations',
        description:
          'One result an input, in their order; an input with `responses` has its results nested in its place.',
        headers: TimeoutHeader,
        body: ScoreRequest,
        response: replies(ScoreReply)
      },
      // Inputs are held against their forms one by one, so that an error names the index.
      validatorCompiler: bodyHeldAgainst(ScoreEnvelope),
      config: { work: true }
    },
    async (request, reply) => {
      const caller = new Client(request, reply, limits)
      const body = request.body as ScoreEnvelope
      requireModel(manifest, body.model)
      const conversations = body.inputs.reduce<number>((sum, input) => sum + countConversations(input), 0)
      if (conversations > limits.maxInputs) {
        throw new ArmormError(
          'too_many_inputs',
          `the request holds ${conversations} conversations; one request may hold ${limits.maxInputs}`,
          { conversations, limit: limits.maxInputs }
        )
      }
      const wanted = new Set(body.return ?? RETURNABLE)
      const parsed = body.inputs.map((input, i) => parseInput(input, `/inputs/${i}`))
      const { outcomes, timing } = await scorer.score(
        parsed.map(({ input }) => input),
        {
          protocol: 'score',
          truncation: body.truncation ?? 'none',
          onError: body.on_error ?? 'request',
          keep: wanted.has('explain_id'),
          caller
        }
      )
      const all = outcomes.flat()
      for (const outcome of all) if (outcome instanceof ArmormError) metrics.error(outcome.code)
      const rewards = all.filter((outcome): outcome is Reward => !(outcome instanceof ArmormError))
      return {
        model: modelReply(manifest),
        results: outcomes.map((outcome, i) => resultReply(parsed[i]?.id, outcome, names, wanted)),
        ...(wanted.has('usage') && { usage: usageReply(totalUsage(rewards)) }),
        ...(wanted.has('timing') && {
          timing: {
            tokenize_ms: milliseconds(timing.tokenize),
            queue_ms: milliseconds(timing.queue),
            run_ms: milliseconds(timing.run),
            total_ms: milliseconds(timing.total)
          }
        })
      }
    }
  )
}
