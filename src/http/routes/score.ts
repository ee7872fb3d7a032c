/** This server's own contract: POST /score. */
import { ArmormError } from '../../errors.js'
import type { Reward } from '../../scoring/reward.js'
import type { Call, Contract } from '../contracts/contract.js'
import { countConversations, parseInput, requireFewEnough } from '../input-forms.js'
import { requireModel } from '../model.js'
import { nativeForm } from '../plugins/errors.js'
import { milliseconds, modelReply, resultReply, totalUsage, usageReply } from '../replies.js'
import { ErrorReply } from '../schemas/results.js'
import { RETURNABLE, ScoreEnvelope, ScoreReply, ScoreRequest } from '../schemas/score.js'

export const native: Contract = {
  protocol: 'score',
  tag: { name: 'scoring', description: 'Rewards and what they are made of.' },
  errorSchema: ErrorReply,
  errorForm: nativeForm,
  routes: [
    {
      url: '/score',
      keys: ['inputs'],
      summary: 'Score conversations',
      description:
        'One result an input, in their order; an input with `responses` has its results nested in its place.',
      body: ScoreRequest,
      // Inputs are held against their forms one by one, so that an error names the index.
      envelope: ScoreEnvelope,
      reply: ScoreReply,
      answer: (body, call) => score(body as ScoreEnvelope, call)
    }
  ]
}

async function score(body: ScoreEnvelope, { services, caller }: Call): Promise<ScoreReply> {
  const { manifest, scorer, metrics, limits } = services
  requireModel(manifest, body.model)
  const conversations = body.inputs.reduce<number>((sum, input) => sum + countConversations(input), 0)
  requireFewEnough(conversations, limits)
  const names = manifest.objectives.map(({ name }) => name)
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
