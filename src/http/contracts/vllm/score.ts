/** vLLM's scores of pairs, `vllm/entrypoints/pooling/score` 0.33: /score and /rerank, which is Jina's and Cohere's too. */
import type { Static, TSchema } from 'typebox'
import { ArmormError } from '../../../errors.js'
import type { Limits } from '../../services.js'
import { type Call, type ContractRoute, contractRoute } from '../contract.js'
import { errorOf, openAiUsage } from '../item-replies.js'
import { readPair, readPairs } from '../pairs.js'
import { ranked } from '../ranked.js'
import type { ContractInput } from '../scoring.js'
import { isActivated, listReply, scoreOf } from './replies.js'
import { RerankReply, RerankRequest, ScoreReply, ScoreRequest } from './score-schema.js'

type ScoreRequest = Static<typeof ScoreRequest>
type RerankRequest = Static<typeof RerankRequest>

const PROMPTS = ['queries', 'text_1', 'data_1'] as const
const RESPONSES = ['documents', 'text_2', 'data_2', 'items'] as const
const FORM = 'the body must have "queries" and "documents"'

const contract = { protocol: 'vllm' } as const

export const scoreRoutes: readonly ContractRoute[] = [
  ...at(['/score', '/v1/score'], {
    keys: [...PROMPTS, ...RESPONSES],
    summary: "vLLM's score of pairs",
    description: 'Queries are prompts, documents are responses; numbers are as those of /classify.',
    body: ScoreRequest,
    reply: ScoreReply,
    answer: score
  }),
  ...at(['/rerank', '/v1/rerank', '/v2/rerank'], {
    keys: ['documents'],
    summary: "vLLM's reranking",
    description: 'The query is a prompt, documents are responses to it; the best is the first.',
    body: RerankRequest,
    reply: RerankReply,
    answer: rerank
  })
]

function at<Body extends TSchema>(
  urls: readonly string[],
  route: Omit<Parameters<typeof contractRoute<Body>>[0], 'url'>
): ContractRoute[] {
  return urls.map((url) => contractRoute<Body>({ ...route, url }))
}

async function score(body: ScoreRequest, call: Call) {
  const rewards = await call.scorer.score(readPairsOf(body, call.services.limits), contract, call)
  const activated = isActivated(body)
  const data = rewards.map((item, index) => {
    return { index, object: 'score', score: scoreOf(item, activated), ...errorOf(item) }
  })
  return listReply('score', data, rewards, call)
}

/** One prompt goes with every response; several go with as many. @throws ArmormError */
function readPairsOf(body: ScoreRequest, limits: Limits): ContractInput[] {
  const [prompts, responses] = [given(body, PROMPTS), given(body, RESPONSES)]
  const [first] = prompts
  if (first === undefined || responses.length === 0) {
    throw new ArmormError('invalid_request', 'At least one text must be given on each side')
  }
  if (prompts.length === 1) return readPairs(first, responses, limits)
  if (prompts.length === responses.length) return prompts.map((prompt, i) => readPair(prompt, responses[i] ?? ''))
  const message = `there are ${prompts.length} queries and ${responses.length} documents: there must be one query, or as many`
  throw new ArmormError('invalid_request', message)
}

function given(body: ScoreRequest, names: readonly (keyof ScoreRequest)[]): readonly string[] {
  const name = names.find((each) => body[each] !== undefined)
  if (name === undefined) throw new ArmormError('invalid_request', FORM)
  return [body[name] as string | string[]].flat()
}

async function rerank(body: RerankRequest, call: Call) {
  const { query, documents, top_n: wanted } = body
  if (documents.length === 0) throw new ArmormError('invalid_request', 'At least one document must be given')
  const rewards = await call.scorer.score(readPairs(query, documents, call.services.limits), contract, call)
  const activated = isActivated(body)
  const results = ranked(rewards).map(({ item, index }) => ({
    index,
    document: { text: documents[index] ?? '', multi_modal: null },
    relevance_score: scoreOf(item, activated),
    ...errorOf(item)
  }))
  return {
    id: `rerank-${call.id}`,
    model: call.services.manifest.model.name,
    usage: openAiUsage(rewards),
    results: wanted && wanted > 0 ? results.slice(0, wanted) : results
  }
}
