/** KServe's version 1 of its prediction protocol: `python/kserve/kserve/protocol/rest/v1_endpoints.py`. */
import { type Static, type TSchema, Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { requireFewEnough } from '../../input-forms.js'
import { requireModel } from '../../model.js'
import { methodNotAllowed } from '../../plugins/errors.js'
import { checker, HINT, invalid } from '../../validation.js'
import { ChatMessages, readChatMessages } from '../chat-messages.js'
import { type Contract, textErrorForm } from '../contract.js'
import { errorOf, itemError } from '../item-replies.js'
import { readPair } from '../pairs.js'
import type { ContractInput, ContractReward } from '../scoring.js'
import { ModelParams, requireReadyModel } from '../served.js'

const Prompt = Type.String()

/** A form of an instance; the first whose key is present reads it. Other fields are not looked at. */
const MessagesForm = Type.Object({ messages: ChatMessages })
const PairForm = Type.Object({ prompt: Prompt, response: Type.String() })
const TextForm = Type.Object({ text: Type.String(), prompt: Type.Optional(Prompt) })
const IdsForm = Type.Object({ input_ids: Type.Array(Type.Integer()) })

const FORMS = [
  form('messages', MessagesForm, ({ messages }) => readChatMessages(messages)),
  form('response', PairForm, ({ prompt, response }) => readPair(prompt, response)),
  form('text', TextForm, (text) => ({ kind: 'rendered', text })),
  form('input_ids', IdsForm, ({ input_ids: ids }) => ({ kind: 'ids', ids }))
]

function form<T extends TSchema>(key: string, schema: T, read: (instance: Static<T>) => ContractInput) {
  return { key, issues: checker(schema), read: (instance: unknown) => read(instance as Static<T>) }
}

const Instance = Type.Union([Type.String(), MessagesForm, PairForm, TextForm, IdsForm], {
  title: 'KserveInstance',
  description:
    'A rendered text; or an object with `messages`, or `prompt` and `response`, or `text` (rendered) and perhaps its rendered `prompt`, or `input_ids`.'
})

const PREDICT_HINT = 'send {"instances": [{"prompt": "...", "response": "..."}]}'

const PredictRequest = Type.Object(
  { instances: Type.Optional(Type.Array(Instance)), inputs: Type.Optional(Type.Array(Instance)) },
  {
    title: 'KservePredictRequest',
    // As TensorFlow Serving has them: one or the other.
    not: { required: ['instances', 'inputs'] },
    examples: [{ instances: [{ prompt: 'How much is 2+2?', response: '4' }] }]
  }
)

/** Instances are held against their forms one by one, so that an error names the index. */
const PredictEnvelope = Type.Object(
  { instances: Type.Optional(Type.Array(Type.Unknown())), inputs: Type.Optional(Type.Array(Type.Unknown())) },
  { [HINT]: PREDICT_HINT }
)
type PredictEnvelope = Static<typeof PredictEnvelope>

const Prediction = Type.Object(
  {
    reward: Type.Number({ description: 'scoreScale * score + scoreOffset.' }),
    score: Type.Number({ description: "The model's own score." }),
    calibrated: Type.Number({ minimum: 0, maximum: 1, description: 'The score, calibrated to 0..1.' }),
    ratings: Type.Record(Type.String(), Type.Number(), {
      description: 'Raw ratings of the objectives that --extra-objectives names; always the same keys.'
    }),
    truncated: Type.Boolean({ description: 'Whether tokens of the prompt were cut.' }),
    error: itemError
  },
  { title: 'KservePrediction' }
)

export const kserve: Contract = {
  protocol: 'kserve',
  tag: { name: 'KServe v1', description: "Version 1 of KServe's prediction protocol." },
  errorSchema: Type.Object({ error: Type.String({ description: '`code: message`.' }) }, { title: 'KserveError' }),
  errorForm: textErrorForm('error'),
  routes: [
    {
      method: 'GET',
      url: '/v1/models/:model',
      params: ModelParams,
      keys: [],
      probe: true,
      summary: 'Whether the model takes work',
      reply: Type.Object({ name: Type.String(), ready: Type.Literal(true) }),
      async answer(_body, { services, params }) {
        // Told from a model of that name by what the other route says of it.
        if (params['model']?.endsWith(':predict')) throw methodNotAllowed(['POST'])
        requireReadyModel(services, params['model'])
        return { name: services.manifest.model.name, ready: true }
      }
    },
    {
      // A colon that is no parameter's is written twice.
      // A dot would leave names with line breaks to nobody.
      url: '/v1/models/:model(^[^]+)::predict',
      params: ModelParams,
      keys: ['instances', 'inputs'],
      summary: 'Rewards of instances',
      body: PredictRequest,
      envelope: PredictEnvelope,
      reply: Type.Object({ predictions: Type.Array(Prediction) }, { title: 'KservePredictReply' }),
      async answer(body, call) {
        requireModel(call.services.manifest, call.params['model'])
        const { instances, inputs } = body as PredictEnvelope
        const key = instances ? 'instances' : 'inputs'
        const given = instances ?? inputs
        if (!given) throw new ArmormError('invalid_request', 'the body must have "instances"')
        if (instances && inputs) throw new ArmormError('invalid_request', 'the body has both "instances" and "inputs"')
        requireFewEnough(given.length, call.services.limits)
        const items = given.map((instance, i) => readInstance(instance, `/${key}/${i}`))
        const rewards = await call.scorer.score(items, kserve, call)
        return { predictions: rewards.map((item) => prediction(item, call.scorer.extraNames)) }
      }
    }
  ]
}

/** @throws ArmormError invalid_request naming the place by its JSON pointer. */
function readInstance(instance: unknown, pointer: string): ContractInput {
  if (typeof instance === 'string') return { kind: 'rendered', text: { text: instance } }
  const isObject = typeof instance === 'object' && instance !== null
  const known = isObject ? FORMS.find(({ key }) => Object.hasOwn(instance, key)) : undefined
  if (!known) {
    const keys = FORMS.map(({ key }) => `"${key}"`).join(', ')
    const message = `must be a text, or an object with one of ${keys}`
    throw invalid('the body', [{ path: pointer, message }])
  }
  const issues = known.issues(instance)
  if (issues.length === 0) return known.read(instance)
  throw invalid(
    'the body',
    issues.map(({ path, message }) => ({ path: pointer + path, message }))
  )
}

function prediction(item: ContractReward, names: readonly string[]): Static<typeof Prediction> {
  const { reward, score, calibrated, extras, truncated } = item
  const ratings = Object.fromEntries(names.map((name, k) => [name, extras[k] ?? 0]))
  return { reward, score, calibrated, ratings, truncated, ...errorOf(item) }
}
