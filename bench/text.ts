/** Raw conversations and their tokens. */
import { readFile } from 'node:fs/promises'
import type { Manifest } from '../src/bundle/manifest.js'
import { TextModel } from '../src/text/text-model.js'
import type { Work } from './contestants/contestant.js'
import type { CountTokens, LoadGroup, RawGroup } from './loads.js'

/** @throws Error naming the line that is no group */
export async function readGroups(path: string): Promise<RawGroup[]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      const group = JSON.parse(line) as RawGroup
      if (Array.isArray(group.prompt) && Array.isArray(group.responses) && group.responses.length > 0) return [group]
    } catch {
      // Named below, as whatever else is no group.
    }
    throw new Error(`${path}:${i + 1} is no {"prompt": [messages], "responses": [one or more]}`)
  })
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
