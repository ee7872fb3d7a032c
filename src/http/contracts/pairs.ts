/** A prompt and its response in two fields of their own. */
import { conversation } from '../input-forms.js'
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
