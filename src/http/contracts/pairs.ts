/** A prompt and its response in two fields of their own. */
import { ArmormError } from '../../errors.js'
import { conversation, requireFewEnough } from '../input-forms.js'
import type { Limits } from '../services.js'
import type { ContractInput } from './scoring.js'

/**
 * @param prompt - the user's message, or a whole prompt rendered in a chat template.
 * @param response - the answer, whatever markup it holds: its end tokens alone are taken off.
 */
export function readPair(prompt: string, response: string): ContractInput {
  // Beside an empty prompt the response would be taken apart.
  if (prompt.trim() === '') return conversation(prompt, response)
  return { kind: 'rendered', text: { prompt, text: prompt + response } }
}

/**
 * One prompt with several responses.
 * @throws ArmormError too_many_inputs; body_too_large when the prompt, once for each response, has more characters
 *   than a body may have bytes.
 */
export function readPairs(prompt: string, responses: readonly string[], limits: Limits): ContractInput[] {
  requireFewEnough(responses.length, limits)
  const characters = prompt.length * responses.length
  if (characters > limits.bodyLimit) {
    const message = `the prompt has ${prompt.length} characters for each of ${responses.length} responses, ${characters} together; a request may have ${limits.bodyLimit}`
    throw new ArmormError('body_too_large', message, { characters, limit: limits.bodyLimit })
  }
  return responses.map((response) => readPair(prompt, response))
}
