/** Templates and renderings that the tests of rendered text share. */
import { readFileSync } from 'node:fs'
import { Template } from '@huggingface/jinja'
import type { Message } from '../../../src/text/conversation.js'
import {
  type Family,
  parseRendered,
  type ReadConversation,
  type ReadOptions
} from '../../../src/text/rendered/index.js'
import { FIXTURES, fixture } from '../support.js'

export interface Rendering {
  readonly template: string
  readonly family: Family
  readonly bos_token: string
  readonly eos_token: string
  readonly text: string
  readonly prompt: string
  readonly messages: Message[]
  readonly rendered_from?: Message[]
}

export const RENDERINGS = fixture<Rendering[]>('templates/renderings.json')

export const KEEP: ReadOptions = { family: 'auto', thinking: 'keep' }
export const DROP: ReadOptions = { family: 'auto', thinking: 'drop' }

export const parse = (text: string, prompt?: string, options: ReadOptions = KEEP): ReadConversation =>
  parseRendered(prompt === undefined ? { text } : { prompt, text }, options)

const templates = new Map<string, Template>()

export function render(
  rendering: Pick<Rendering, 'template' | 'bos_token' | 'eos_token'>,
  messages: readonly Message[],
  more: Record<string, unknown> = {}
): string {
  const { template: name, bos_token, eos_token } = rendering
  let template = templates.get(name)
  if (template === undefined) {
    template = new Template(readFileSync(`${FIXTURES}templates/${name}.jinja`, 'utf8'))
    templates.set(name, template)
  }
  return template.render({ messages: messages.map((m) => ({ ...m })), bos_token, eos_token, ...more })
}
