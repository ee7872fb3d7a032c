/**
 * What tokenizing costs: tokens a second of one worker, the way to a worker and back, and how long the event loop
 * stands still meanwhile.
 *
 *     npm run bench:tokenization -- [--model models/default] [--data bench/conversations.jsonl] [--quick]
 */
import { readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { loadBundle } from '../src/bundle/load.js'
import type { Conversation } from '../src/text/conversation.js'
import { TokenizerPool } from '../src/text/pool.js'
import { TextModel } from '../src/text/text-model.js'
import type { TokenLimits } from '../src/text/token-ids.js'

export interface TokenizationOptions {
  /** Bundle with a tokenizer and a chat template. */
  readonly model: string
  /** Lines of `{"prompt": [messages], "responses": [texts]}`, of which the conversations are put together. */
  readonly data: string
  /** Prompts of a pass; each has 8 responses where prompts are shared. */
  readonly prompts: number
  /** Passes; the fastest counts, as whatever else runs on a machine only ever takes time away. */
  readonly passes: number
}

/** Speeds are of one worker, in the fastest of the passes. */
export interface TokenizationFigures {
  /** Mean tokens of a conversation, and of its prompt. */
  readonly tokens: { readonly conversation: number; readonly prompt: number }
  readonly tokensPerSecond: {
    /** Distinct texts, nothing remembered of anything. */
    readonly cold: number
    /** Distinct texts; the worker remembers words. */
    readonly distinct: number
    /** 8 responses a prompt; the worker remembers words and prompts. */
    readonly sharedPrompts: number
  }
  /** Milliseconds of one short conversation on an idle server: through a worker, and without one. */
  readonly short: { readonly p50: number; readonly p99: number; readonly inThreadP50: number }
  /**
   * Longest time in milliseconds for which the event loop stood still while the worker was busy with a pass; median
   * over the passes. 1 ms of it is the sampling.
   */
  readonly longestPauseMs: number
}

export const DEFAULTS: TokenizationOptions = {
  model: 'models/default',
  data: 'bench/conversations.jsonl',
  prompts: 100,
  passes: 7
}

const RESPONSES = 8
/** In the data's English, some 250 and 95 tokens. */
const PROMPT_CHARACTERS = 700
const RESPONSE_CHARACTERS = 320
const SHORT_CALLS = 200
const NOTHING_REMEMBERED = 0

/** @throws ArmormError when the bundle does not load; Error when it has no tokenizer. */
export async function measureTokenization(options: TokenizationOptions): Promise<TokenizationFigures> {
  const { model, prompts, passes } = options
  const { manifest } = await loadBundle(model)
  if (!manifest.tokenizer) throw new Error(`${model} has no tokenizer`)
  const { max_tokens: maxTokens, gate, backbone } = manifest
  const limits: TokenLimits = { maxTokens, vocabSize: backbone.vocab_size, gatePattern: gate.pattern }
  const texts = new Texts(await sentences(options.data))
  const pool = (memoryBytes?: number) =>
    TokenizerPool.create({
      ...limits,
      folder: model,
      hasTokenizer: true,
      threads: 1,
      deadlineMs: 60_000,
      ...(memoryBytes === undefined ? {} : { memoryBytes })
    })

  const [forgetful, usual] = [await pool(NOTHING_REMEMBERED), await pool()]
  try {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    const pauses: number[] = []
    const passesOf = async (workers: TokenizerPool, make: () => Conversation[]) => {
      const all: Pass[] = []
      for (let i = 0; i < passes; i++) {
        const conversations = make()
        await sleep(20)
        delay.reset()
        delay.enable()
        all.push(await pass(workers, conversations))
        delay.disable()
        pauses.push(delay.max / 1e6)
      }
      return Math.max(...all.map(({ tokens, seconds }) => tokens / seconds))
    }
    const distinct = () => texts.conversations(prompts * RESPONSES, 1)
    const shared = () => texts.conversations(prompts, RESPONSES)
    // The first pass of each worker, while its code is compiled, is not counted.
    await pass(forgetful, distinct())
    const warm = await pass(usual, shared())
    const tokensPerSecond = {
      cold: await passesOf(forgetful, distinct),
      distinct: await passesOf(usual, distinct),
      sharedPrompts: await passesOf(usual, shared)
    }
    return {
      tokens: { conversation: warm.tokens / warm.count, prompt: warm.promptTokens / warm.count },
      tokensPerSecond,
      short: await shortCalls(usual, await TextModel.load(model, limits)),
      longestPauseMs: quantile(pauses, 0.5)
    }
  } finally {
    await Promise.all([forgetful.close(), usual.close()])
  }
}

interface Pass {
  readonly tokens: number
  readonly promptTokens: number
  readonly count: number
  readonly seconds: number
}

async function pass(workers: TokenizerPool, conversations: readonly Conversation[]): Promise<Pass> {
  const started = performance.now()
  const encoded = await Promise.all(conversations.map((conversation) => workers.encode(conversation, 'none')))
  const seconds = (performance.now() - started) / 1000
  const sum = (of: (one: (typeof encoded)[number]) => number) => encoded.reduce((total, one) => total + of(one), 0)
  return {
    tokens: sum(({ ids }) => ids.length),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    count: encoded.length,
    seconds
  }
}

async function shortCalls(workers: TokenizerPool, model: TextModel): Promise<TokenizationFigures['short']> {
  const short = (i: number): Conversation => ({
    kind: 'messages',
    messages: [
      { role: 'user', content: `What is ${i} plus ${i + 1}?` },
      { role: 'assistant', content: `It is ${2 * i + 1}.` }
    ]
  })
  const through: number[] = []
  const inThread: number[] = []
  for (let i = 0; i < SHORT_CALLS; i++) {
    await sleep(2)
    const started = performance.now()
    await workers.encode(short(i), 'none')
    const between = performance.now()
    model.encode(short(i), 'none')
    through.push(between - started)
    inThread.push(performance.now() - between)
  }
  return { p50: quantile(through, 0.5), p99: quantile(through, 0.99), inThreadP50: quantile(inThread, 0.5) }
}

/** Prompts and responses of a wanted length, no two alike, put together from the sentences of the data. */
class Texts {
  readonly #sentences: readonly string[]
  #state = 1

  constructor(sentences: readonly string[]) {
    this.#sentences = sentences
  }

  conversations(prompts: number, responses: number): Conversation[] {
    return Array.from({ length: prompts }, () => {
      const prompt = { role: 'user', content: this.#text(PROMPT_CHARACTERS) }
      return Array.from({ length: responses }, (): Conversation => {
        const answer = { role: 'assistant', content: this.#text(RESPONSE_CHARACTERS) }
        return { kind: 'messages', messages: [prompt, answer] }
      })
    }).flat()
  }

  #text(characters: number): string {
    let text = ''
    while (text.length < characters) text += `${this.#sentences[this.#next() % this.#sentences.length] ?? ''} `
    return text.slice(0, characters).trimEnd()
  }

  /** A fixed sequence, so that runs can be compared (Numerical Recipes' generator; its high bits are the good ones). */
  #next(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return this.#state >>> 8
  }
}

async function sentences(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.trim() !== '')
  return lines
    .flatMap((line) => {
      const { prompt, responses } = JSON.parse(line) as { prompt: { content: string }[]; responses: string[] }
      return [...prompt.map(({ content }) => content), ...responses]
    })
    .flatMap((text) => text.split(/(?<=[.!?\n]) +/))
    .filter((sentence) => sentence !== '')
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

function report({ tokens, tokensPerSecond, short, longestPauseMs }: TokenizationFigures): string {
  const speed = (value: number) => Math.round(value).toLocaleString('en')
  return [
    `conversations of ${tokens.conversation.toFixed(0)} tokens, ${tokens.prompt.toFixed(0)} of them the prompt's`,
    `tokens/s of one worker, distinct texts, nothing remembered:  ${speed(tokensPerSecond.cold)}`,
    `tokens/s of one worker, distinct texts:                      ${speed(tokensPerSecond.distinct)}`,
    `tokens/s of one worker, ${RESPONSES} responses a prompt:              ${speed(tokensPerSecond.sharedPrompts)}`,
    `one short conversation: p50 ${short.p50.toFixed(2)} ms, p99 ${short.p99.toFixed(2)} ms; ` +
      `without a worker p50 ${short.inThreadP50.toFixed(2)} ms`,
    `longest pause of the event loop: ${longestPauseMs.toFixed(1)} ms`
  ].join('\n')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: DEFAULTS.model },
      data: { type: 'string', default: DEFAULTS.data },
      quick: { type: 'boolean', default: false }
    }
  })
  const { model, data, quick } = values
  console.log(report(await measureTokenization({ ...DEFAULTS, model, data, ...(quick ? { passes: 3 } : {}) })))
}
