/**
 * Fidelity of one bundle's scores to another's, on groups of answers to one prompt.
 *
 *     npm run fidelity -- --reference <fp32 bundle> --bundle models/default [--data bench/conversations.jsonl]
 */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { loadBundle } from '../src/bundle/load.js'
import { RewardSession } from '../src/engine/session.js'
import { usableThreads } from '../src/engine/threads.js'
import { fidelity } from '../src/evaluate/fidelity.js'
import type { Message } from '../src/text/conversation.js'
import { TextModel } from '../src/text/text-model.js'

interface Group {
  prompt: Message[]
  responses: string[]
}

const USAGE =
  'usage: npm run fidelity -- --reference <bundle> [--bundle models/default] [--data bench/conversations.jsonl]'

interface Options {
  reference: string
  bundle: string
  data: string
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      reference: { type: 'string' },
      bundle: { type: 'string', default: 'models/default' },
      data: { type: 'string', default: 'bench/conversations.jsonl' }
    }
  })
  if (values.reference === undefined) throw new Error('--reference is missing')
  return { ...values, reference: values.reference }
}

async function readGroups(path: string): Promise<Group[]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      const group = JSON.parse(line) as Group
      if (Array.isArray(group.prompt) && Array.isArray(group.responses) && group.responses.length > 1) return [group]
    } catch {
      // Named below, as whatever else is no group.
    }
    throw new Error(`${path}:${i + 1} is no {"prompt": [messages], "responses": [two or more]}`)
  })
}

/** Scores `[groups][responses]`; the responses of a group run as one batch. */
async function scores(folder: string, groups: readonly Group[]): Promise<number[][]> {
  const { manifest } = await loadBundle(folder)
  if (!manifest.tokenizer) throw new Error(`${folder} has no tokenizer, so it cannot score conversations`)
  const { max_tokens: maxTokens, gate, backbone } = manifest
  const model = await TextModel.load(folder, { maxTokens, vocabSize: backbone.vocab_size, gatePattern: gate.pattern })
  const exactTokens = backbone.exact_tokens ?? []
  const session = await RewardSession.open({ folder, provider: 'cpu', threads: usableThreads(), exactTokens })
  const result: number[][] = []
  for (const { prompt, responses } of groups) {
    const batch = responses.map((content) =>
      model.encode({ kind: 'messages', messages: [...prompt, { role: 'assistant', content }] }, 'none')
    )
    result.push([...(await session.run(batch)).score])
  }
  return result
}

async function main(): Promise<void> {
  const { reference: referenceFolder, bundle, data } = options()
  const groups = await readGroups(data)
  const reference = await scores(referenceFolder, groups)
  const other = await scores(bundle, groups)
  const found = fidelity(reference.map((scoresOfGroup, i) => ({ reference: scoresOfGroup, other: other[i]! })))
  const largest = Math.max(...reference.flatMap((row, i) => row.map((score, j) => Math.abs(score - other[i]![j]!))))
  console.log(`${found.conversations} conversations in ${found.groups} groups (${data})`)
  console.log(`mean Spearman within groups   ${found.spearman.toFixed(4)}`)
  console.log(`pair flips                    ${(found.flips * 100).toFixed(2)} %`)
  console.log(`error / standard deviation    ${(found.relativeError * 100).toFixed(3)} %`)
  console.log(`largest difference of a score ${largest.toExponential(1)}`)
}

try {
  await main()
} catch (error) {
  console.error(`fidelity: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  process.exitCode = 1
}
