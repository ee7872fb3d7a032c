/** One or many prompts in one field, as text or as token ids: OpenAI's `input`, and its like. */
import { type Static, Type } from 'typebox'
import { ArmormError } from '../../errors.js'
import type { ContractInput } from './scoring.js'

export const Prompts = Type.Union(
  [Type.String(), Type.Array(Type.String()), Type.Array(Type.Integer()), Type.Array(Type.Array(Type.Integer()))],
  {
    title: 'Prompts',
    description:
      "Whole conversations: texts in the policy's or this model's chat template, or token ids of this model's tokenizer."
  }
)
export type Prompts = Static<typeof Prompts>

/** @throws ArmormError invalid_request when there is none. */
export function readPrompts(prompts: Prompts): ContractInput[] {
  if (typeof prompts === 'string') return [readText(prompts)]
  if (prompts.length === 0) throw new ArmormError('invalid_request', 'You must pass at least one prompt')
  if (prompts.every((each) => typeof each === 'number')) return [{ kind: 'ids', ids: prompts }]
  return prompts.map((each) => (typeof each === 'string' ? readText(each) : { kind: 'ids', ids: each }))
}

/** Whether the field holds one prompt by itself, so that the reply is one too. */
export function isOne(prompts: Prompts): boolean {
  return typeof prompts === 'string' || typeof prompts[0] === 'number'
}

function readText(text: string): ContractInput {
  return { kind: 'rendered', text: { text } }
}
