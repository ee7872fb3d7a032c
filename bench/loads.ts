/** Conversations of the shapes that trainers send, built from self-written ones; the same for the same seed. */
import type { Message } from '../src/text/conversation.js'
import { type Random, seeded } from '../src/random.js'

/** A line of conversations.jsonl. */
export interface RawGroup {
  readonly prompt: readonly Message[]
  readonly responses: readonly string[]
}

/** What one load consists of. */
export interface LoadShape {
  readonly name: string
  readonly title: string
  readonly prompts: number
  readonly responsesPerPrompt: number
  /** Mean tokens of a prompt's contents and of a response. */
  readonly promptTokens: number
  readonly responseTokens: number
}

/** One prompt and its responses. */
export interface LoadGroup {
  readonly prompt: readonly Message[]
  readonly responses: readonly string[]
}

/** Tokens of a plain text. */
export type CountTokens = (text: string) => number

/** A response's length lies within this share of the mean: padding costs what it costs in practice. */
const LENGTH_SPREAD = 0.25
/** Tokens below which filling up stops: nobody writes a turn of three words to make up a number. */
const LEAST_PIECE = 12

/**
 * Builds loads. A builder never gives the same conversation twice, so that no cache can answer a later round.
 */
export class LoadBuilder {
  readonly #groups: readonly RawGroup[]
  readonly #random: Random
  readonly #count: CountTokens
  readonly #counts = new Map<string, number>()
  readonly #seen = new Set<string>()

  /** @throws RangeError for fewer than two groups */
  constructor(groups: readonly RawGroup[], count: CountTokens, seed = 1) {
    if (groups.length < 2) throw new RangeError('loads need at least two groups of conversations')
    this.#groups = groups
    this.#count = count
    this.#random = seeded(seed)
  }

  /** The groups of one round. @throws RangeError where the texts are too few for conversations that differ */
  build(shape: LoadShape): LoadGroup[] {
    return Array.from({ length: shape.prompts }, () => this.#group(shape))
  }

  #group(shape: LoadShape): LoadGroup {
    const own = this.#pick(this.#groups)
    const prompt = this.#prompt(own, shape.promptTokens)
    const responses = Array.from({ length: shape.responsesPerPrompt }, () => {
      const length = shape.responseTokens * (1 + LENGTH_SPREAD * (2 * this.#random() - 1))
      return this.#unseen(prompt, () => this.#response(own, length))
    })
    return { prompt, responses }
  }

  /** The group's own question, after as many earlier turns as make up the length. */
  #prompt(own: RawGroup, target: number): Message[] {
    const question = this.#cut(own.prompt.at(-1)?.content ?? '', target)
    let left = target - this.#tokens(question)
    const earlier: Message[] = []
    while (left >= 2 * LEAST_PIECE) {
      const other = this.#pick(this.#groups)
      const asked = this.#cut(other.prompt.at(-1)?.content ?? '', left / 2)
      left -= this.#tokens(asked)
      const answered = this.#cut(this.#pick(other.responses), left)
      // Texts may be empty.
      left -= Math.max(1, this.#tokens(answered))
      earlier.push({ role: 'user', content: asked }, { role: 'assistant', content: answered })
    }
    return [...earlier, { role: 'user', content: question }]
  }

  /** Answers of the group, joined in random order; of other groups where those do not suffice. */
  #response(own: RawGroup, target: number): string {
    const pieces: string[] = []
    let left = target
    let source = this.#shuffled(own.responses)
    while (left >= LEAST_PIECE || pieces.length === 0) {
      const next = source.pop()
      if (next === undefined) {
        source = this.#shuffled(this.#pick(this.#groups).responses)
        continue
      }
      const piece = this.#cut(next, left)
      left -= Math.max(1, this.#tokens(piece))
      pieces.push(piece)
    }
    return pieces.join('\n\n')
  }

  #unseen(prompt: readonly Message[], make: () => string): string {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const response = make()
      const key = JSON.stringify([prompt, response])
      if (this.#seen.has(key)) continue
      this.#seen.add(key)
      return response
    }
    throw new RangeError('too few texts to build conversations that differ')
  }

  /** The beginning of a text, about `target` tokens long, up to the end of a word where one is near. */
  #cut(text: string, target: number): string {
    const tokens = this.#tokens(text)
    if (tokens <= target) return text
    const end = Math.max(1, Math.round((text.length * target) / tokens))
    const space = text.lastIndexOf(' ', end)
    const at = space > end - 20 && space > 0 ? space : end
    // Never between the halves of a surrogate pair.
    return text.slice(0, at).replace(/[\uD800-\uDBFF]$/, '')
  }

  #tokens(text: string): number {
    let tokens = this.#counts.get(text)
    if (tokens === undefined) {
      tokens = this.#count(text)
      this.#counts.set(text, tokens)
    }
    return tokens
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!
  }

  #shuffled<T>(list: readonly T[]): T[] {
    const copy = [...list]
    for (let i = copy.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1))
      ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
    }
    return copy
  }
}
