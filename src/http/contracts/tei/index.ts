/**
 * text-embeddings-inference with a reranker: /predict, /rerank and /info, `router/src/http/server.rs`. Its models with
 * one label are rerankers, and answer both.
 */
import type { Static } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { packageVersion } from '../../../version.js'
import { type Call, type Contract, contractRoute, type ErrorForm } from '../contract.js'
import { errorOf } from '../item-replies.js'
import { readPair, readPairs } from '../pairs.js'
import type { ContractInput, ContractReward } from '../scoring.js'
import { ranked } from '../ranked.js'
import { Info, type Prediction, PredictReply, PredictRequest, RerankReply, RerankRequest, TeiError } from './schema.js'

const LABEL = 'score'

export const tei: Contract = {
  protocol: 'tei',
  tag: { name: 'TEI', description: "Hugging Face's text-embeddings-inference." },
  errorSchema: TeiError,
  errorForm,
  routes: [
    contractRoute({
      url: '/predict',
      keys: ['inputs'],
      summary: "TEI's prediction",
      description: 'Two texts in one list are a pair, prompt and response, not two inputs.',
      body: PredictRequest,
      reply: PredictReply,
      async answer({ inputs, raw_scores: raw }, call) {
        const rewards = await call.scorer.score(readInputs(inputs), tei, call)
        const predictions = rewards.map((item): Prediction[] => [
          { score: scoreOf(item, raw), label: LABEL, ...errorOf(item) }
        ])
        return isBatch(inputs) ? predictions : predictions[0]
      }
    }),
    contractRoute({
      url: '/rerank',
      keys: ['texts'],
      summary: "TEI's reranking",
      description: 'Responses to one prompt, the best first.',
      body: RerankRequest,
      reply: RerankReply,
      answer: rerank
    }),
    {
      method: 'GET',
      url: '/info',
      keys: [],
      probe: true,
      summary: "The model, in TEI's words",
      reply: Info,
      answer: async (_body, { services: { manifest, maxTokens, limits } }): Promise<Static<typeof Info>> => ({
        model_id: manifest.model.name,
        model_sha: manifest.model.revision,
        model_dtype: manifest.backbone.precision,
        served_model_name: manifest.model.name,
        model_type: { reranker: { id2label: { 0: LABEL }, label2id: { [LABEL]: 0 } } },
        max_input_length: maxTokens,
        max_client_batch_size: limits.maxInputs,
        auto_truncate: true,
        version: await packageVersion()
      })
    }
  ]
}

/** Whether the inputs are a list of lists, so that the reply is one too. */
function isBatch(inputs: PredictRequest['inputs']): inputs is string[][] {
  return Array.isArray(inputs[0])
}

function readInputs(inputs: PredictRequest['inputs']): ContractInput[] {
  if (isBatch(inputs)) return inputs.map(readSequence)
  return [readSequence(typeof inputs === 'string' ? [inputs] : inputs)]
}

function readSequence([first = '', second]: readonly string[]): ContractInput {
  return second === undefined ? { kind: 'rendered', text: { text: first } } : readPair(first, second)
}

/** TEI has logits, or their sigmoid; here the latter is the calibrated score. */
function scoreOf({ reward, calibrated }: ContractReward, raw: boolean | null | undefined): number {
  return raw ? reward : calibrated
}

async function rerank(body: RerankRequest, call: Call): Promise<Static<typeof RerankReply>> {
  const { query, texts, raw_scores: raw, return_text: withText } = body
  if (texts.length === 0) throw new ArmormError('invalid_request', '`texts` cannot be empty', { error_type: 'Empty' })
  const rewards = await call.scorer.score(readPairs(query, texts, call.services.limits), tei, call)
  return ranked(rewards).map(({ item, index }) => ({
    index,
    ...(withText && { text: texts[index] ?? '' }),
    score: scoreOf(item, raw),
    ...errorOf(item)
  }))
}

/** Statuses are TEI's: 422 for what does not match, 424 for an engine that fails. */
function errorForm({ code, message, details }: ArmormError, status: number): ErrorForm {
  const body = (type: Static<typeof TeiError>['error_type']) => ({ error: `${code}: ${message}`, error_type: type })
  if (details['error_type'] === 'Empty') return { status: 400, body: body('Empty') }
  if (status === 429) return { status, body: body('Overloaded') }
  if (status === 503) return { status, body: body('Unhealthy') }
  if (status >= 500) return { status: status === 500 ? 424 : status, body: body('Backend') }
  return { status: code === 'invalid_request' ? 422 : status, body: body('Validation') }
}
