/** Raw conversations and their tokens. */
import { Type } from 'typebox'
import Schema from 'typebox/schema'
import type { Manifest } from '../src/bundle/manifest.js'
import { dataRows } from '../src/data/rows.js'
import { ArmormError } from '../src/errors.js'
import { TextModel } from '../src/text/text-model.js'
import type { Work } from './contestants/contestant.js'
import type { CountTokens, LoadGroup, RawGroup } from './loads.js'

/** A line of conversations.jsonl; other fields are not looked at. */
const Line = Type.Object({
  prompt: Type.Union([
    Type.String(),
    Type.Array(Type.Object({ role: Type.String(), content: Type.String() }), { minItems: 1 })
  ]),
  responses: Type.Array(Type.String(), { minItems: 1 })
})
const validator = Schema.Compile(Line)

/**
 * The groups of a file of JSON lines or Parquet; a prompt that is text is what the user says.
 * @throws ArmormError invalid_data naming file and line
 */
export async function readGroups(path: string): Promise<RawGroup[]> {
  const groups: RawGroup[] = []
  for await (const { place, value } of dataRows(path)) {
    if (!validator.Check(value)) {
      throw new ArmormError('invalid_data', `${place} is no {"prompt": text or [messages], "responses": [texts]}`)
    }
    const { prompt, responses } = value
    groups.push({ prompt: typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt, responses })
  }
  return groups
}

/** @throws ArmormError when the bundle's tokenizer does not load */
export async function loadText(folder: string, manifest: Manifest): Promise<TextModel> {
  return TextModel.load(folder, {
    maxTokens: manifest.max_tokens,
    vocabSize: manifest.backbone.vocab_size,
    gatePattern: manifest.gate.pattern
  })
}

/** Counts a text's tokens as those of an answer. */
export function tokenCounter(text: TextModel): CountTokens {
  return (content) => {
    const messages = [
      { role: 'user', content: '?' },
      { role: 'assistant', content }
    ]
    const { ids, promptTokens } = text.encode({ kind: 'messages', messages }, 'none')
    // The last token closes the answer.
    return ids.length - promptTokens - 1
  }
}

export function tokenized(text: TextModel, load: string, groups: readonly LoadGroup[]): Work {
  return {
    load,
    groups: groups.map(({ prompt, responses }) =>
      responses.map((content) => {
        const messages = [...prompt, { role: 'assistant', content }]
        const { ids, gateIndex, promptTokens } = text.encode({ kind: 'messages', messages }, 'none')
        return { messages, ids, gateIndex, promptTokens }
      })
    )
  }
}
