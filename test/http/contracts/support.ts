/** What tests of contracts share. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { ArmormError, type ErrorCode } from '../../../src/errors.js'
import { Lifecycle } from '../../../src/http/lifecycle.js'
import type { RatedSequence } from '../../../src/scheduling/rated-sequence.js'
import type { Rater, Tokenize } from '../../../src/scoring/rater.js'
import type { Conversation } from '../../../src/text/conversation.js'
import { type Fakes, fakeTokenizer } from '../helpers.js'

export const user = (content: string) => ({ role: 'user', content })
export const assistant = (content: string) => ({ role: 'assistant', content })

/** A conversation in ChatML, and its prompt with the header of the answer. */
export const PROMPT = '<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n'
export const TEXT = `${PROMPT}4<|im_end|>\n`
/** The same in Llama-3's template, as OpenRLHF's own client sends it. */
export const LLAMA_PROMPT =
  '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHow much is 2+2?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n'

export function rated(score: number, ratings = [0.75, 0.5, -0.25]): RatedSequence {
  const values = Float32Array.from(ratings)
  const gating = Float32Array.of(0.75, 0.5, 0.25)
  return { score, ratings: values, gating, adjusted: values, batchSize: 1, origin: 'run', queueMs: 1, runMs: 1 }
}

/** Gives every conversation the same numbers. */
export const always = (score: number): Rater => ({ rate: async () => rated(score) })

/** Keeps what it tokenizes; conversations whose answer is the name of an error get that error. */
export function recorder(): { tokenizer: Tokenize; seen: Conversation[] } {
  const seen: Conversation[] = []
  const tokenizer: Tokenize = {
    async encode(conversation, truncation) {
      seen.push(conversation)
      const answer = conversation.kind === 'messages' ? conversation.messages.at(-1)?.content : undefined
      if (answer === 'too_long') throw new ArmormError('too_long', 'it has 300 tokens')
      return fakeTokenizer.encode(conversation, truncation)
    }
  }
  return { tokenizer, seen }
}

export const post = (app: FastifyInstance, url: string, payload: unknown): Promise<LightMyRequestResponse> =>
  app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload)
  })

/** Servers that fail as a whole, by the code of the error. */
export function failing(code: ErrorCode): Fakes {
  if (code === 'shutting_down') {
    const lifecycle = new Lifecycle()
    lifecycle.startDraining()
    return { lifecycle }
  }
  return { rater: { rate: () => Promise.reject(new ArmormError(code, `as ${code} says`)) } }
}

export const metricLines = async (app: FastifyInstance, name: string): Promise<string[]> =>
  (await app.inject({ url: '/metrics' })).body.split('\n').filter((line) => line.startsWith(`armorm_${name}{`))
