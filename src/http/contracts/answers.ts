/** Prompt and answer in two fields: both texts as the policy saw and wrote them, or the prompt as messages. */
import { type Static, Type } from 'typebox'
import { readAnswer } from '../../text/rendered/index.js'
import { ChatMessages, readChatMessages } from './chat-messages.js'
import type { Call } from './contract.js'
import type { ContractInput } from './scoring.js'

export const Prompt = Type.Union([Type.String(), ChatMessages], {
  description: "Text, rendered in the policy's chat template or bare, or the messages before the answer."
})
export type Prompt = Static<typeof Prompt>

/** The conversation; whatever markup the answer holds, it is one message. */
export function answerTo(prompt: Prompt, answer: string, { services }: Pick<Call, 'services'>): ContractInput {
  if (typeof prompt === 'string') return { kind: 'rendered', text: { prompt, text: prompt + answer } }
  return readChatMessages([...prompt, { role: 'assistant', content: readAnswer(answer, services.contracts.reading) }])
}
