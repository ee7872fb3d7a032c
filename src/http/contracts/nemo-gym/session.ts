/** What Gym's agents ask of a resources server beside `/verify`: before each rollout, and after all of them. */
import { Type } from 'typebox'
import { decimal } from '../../../decimal.js'
import { contractRoute } from '../contract.js'

/** Nothing is kept between requests, so there is nothing to seed. */
export const seedSession = contractRoute({
  url: '/seed_session',
  keys: ['responses_create_params'],
  summary: 'Begin a rollout',
  description: 'Answers an empty object: no session is kept.',
  body: Type.Object({}, { title: 'NemoGymSeed', additionalProperties: true }),
  reply: Type.Object({}, { title: 'NemoGymSeeded' }),
  answer: async () => ({})
})

const Numbers = Type.Record(Type.String(), Type.Number())

/** As `AggregateMetrics` of `nemo_gym/config_types.py`. */
export const aggregateMetrics = contractRoute({
  url: '/aggregate_metrics',
  keys: ['verify_responses'],
  summary: 'Means over rollouts',
  description: 'The mean of each number that all replies of /verify have at their top level.',
  body: Type.Object(
    { verify_responses: Type.Array(Type.Record(Type.String(), Type.Unknown())) },
    { title: 'NemoGymAggregateRequest' }
  ),
  reply: Type.Object(
    { group_level_metrics: Type.Array(Numbers), agent_metrics: Numbers, key_metrics: Numbers },
    { title: 'NemoGymAggregate' }
  ),
  async answer({ verify_responses: replies }) {
    const means = meansOf(replies)
    const { 'mean/reward': reward } = means
    return {
      group_level_metrics: [],
      agent_metrics: means,
      key_metrics: reward === undefined ? {} : { 'mean/reward': reward }
    }
  }
})

/** `mean/<field>`, as Gym names it. Fields whose names begin with `_` are Gym's own, places of tasks and rollouts. */
function meansOf(replies: readonly Record<string, unknown>[]): Record<string, number> {
  const names = Object.keys(replies[0] ?? {}).filter((name) => !name.startsWith('_'))
  return Object.fromEntries(
    names.flatMap((name) => {
      const values = replies.map((reply) => reply[name]).filter((value) => typeof value === 'number')
      if (values.length < replies.length) return []
      return [[`mean/${name}`, decimal(values.reduce((sum, value) => sum + value / replies.length, 0))]]
    })
  )
}
