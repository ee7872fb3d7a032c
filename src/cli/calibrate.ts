/** `armorm calibrate`: what a bundle's model gives to a set of conversations, stored beside it as reference.json. */
import { join } from 'node:path'
import { Command } from 'commander'
import { type Bundle, loadBundle } from '../bundle/load.js'
import { REFERENCE_FILE } from '../bundle/reference.js'
import { resolveConfig } from '../config/resolve.js'
import { dataRows } from '../data/rows.js'
import { ArmormError } from '../errors.js'
import { rateInOrder } from '../evaluate/rate.js'
import { ReferenceBuilder } from '../evaluate/reference.js'
import { parseInput } from '../http/input-forms.js'
import type { ScoringInput } from '../scoring/reward.js'
import type { Conversation } from '../text/conversation.js'
import { writeWhole } from '../whole-file.js'
import { progressBar } from './progress.js'

/** Fewer conversations than percentiles leave the map to 0..1 coarse. */
const FEW = 100
const FORMS = '{"messages": [...]}, {"prompt", "response"} or {"prompt", "responses"}'

export function calibrateCommand(): Command {
  return new Command('calibrate')
    .description('score conversations and store their distribution in the bundle: the 0..1 map of `scores`')
    .argument('<jsonl>', `file with one conversation a line: ${FORMS}; other fields are not looked at`)
    .option('--model <folder>', 'bundle to calibrate (default: as of armorm serve)')
    .action(async (file: string, { model }: { model?: string }) => {
      const folder = model ?? resolveConfig({ flags: {}, env: process.env }).model
      const bundle = await loadBundle(folder)
      const reference = (await measure(bundle, file)).build()
      await store(join(folder, REFERENCE_FILE), `${JSON.stringify(reference)}\n`)
      const { conversations, score } = reference
      console.log(
        `${join(folder, REFERENCE_FILE)}: ${conversations} conversations, ` +
          `score ${score.mean} on average, ${score.percentiles[0]} to ${score.percentiles.at(-1)}`
      )
      if (conversations < FEW) {
        console.error(`armorm: ${conversations} conversations are few: use ${FEW} or more, best some thousands`)
      }
    })
}

/** @throws ArmormError invalid_data naming file and line; what keeps the bundle from being loaded. */
async function measure(bundle: Bundle, file: string): Promise<ReferenceBuilder> {
  const builder = new ReferenceBuilder(bundle.manifest)
  const bar = progressBar()
  try {
    // In the order of the file, so that the same file gives the same reference.
    for await (const { item, values, tokens, responseTokens } of rateInOrder(bundle, conversationsOf(file))) {
      builder.add({ ...values, tokens, responseTokens })
      bar.update(item.done, `${builder.conversations} conversations`)
    }
  } finally {
    bar.stop()
  }
  if (builder.conversations === 0) throw new ArmormError('invalid_data', `${file} holds no conversation`)
  return builder
}

async function* conversationsOf(file: string) {
  for await (const { place, value, done } of dataRows(file)) {
    for (const conversation of lineConversations(value, place)) yield { place, done, conversation }
  }
}

/** Of a line, the fields that make a conversation, or several to one prompt. @throws ArmormError invalid_data */
export function lineConversations(line: object, place: string): readonly Conversation[] {
  const fields = Object.entries(line).filter(([key]) => ['messages', 'prompt', 'response', 'responses'].includes(key))
  const { input } = parseInput(Object.fromEntries(fields), '')
  if (input.kind === 'refused') throw new ArmormError('invalid_data', `${place}: ${reason(input)}`)
  return input.kind === 'many' ? input.conversations : [input.conversation]
}

function reason({ error }: Extract<ScoringInput, { kind: 'refused' }>): string {
  return Object.hasOwn(error.details, 'issues') ? error.message : `the line must have the form ${FORMS}`
}

/** Appears whole or not at all, so that a server that starts meanwhile never reads half of it. */
async function store(path: string, text: string): Promise<void> {
  try {
    await writeWhole(path, text)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ArmormError('invalid_config', `${path} cannot be written (${code})`, { code }, error)
  }
}
